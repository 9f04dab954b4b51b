"""What a round decides, from what is wanted and what the engine has."""

from models.jobs import deployment
from models.kinds.container import Container
from models.system import desired
from models.transaction import transaction
from worker.engine.interface import Instance
from worker.engine.plan import plan


def test_a_revision_newer_than_what_was_read_is_left_alone(api: Container) -> None:
    wanted = desired.one(api.key)
    assert wanted
    newer = Instance("x", api.key, 2, 1, True)
    older = Instance("y", api.key, 0, 1, True)

    assert plan(wanted, [newer, older]).remove == [older]
    assert plan(None, [newer, older]).remove == [newer, older]


def test_what_comes_up_is_left_to_who_works_on_it_and_counts_as_nothing_when_nobody_does(api: Container) -> None:
    wanted = desired.one(api.key)
    assert wanted
    coming = Instance("x", api.key, 1, 1, True, coming="api-coming-1")
    moot = coming._replace(revision=0)
    assert plan(wanted, [coming, moot]).remove == [coming, moot]
    with transaction():
        deployment.claim(api.key, 1)
    leased = desired.one(api.key)
    assert leased
    assert leased.leased
    assert plan(leased, [coming, moot]).remove == [moot]

    # One that was up, got lost, and did not come up again.
    lost = wanted._replace(deployed_revision=1, deployment="running", status="error", status_reason="why", due=False)
    assert plan(lost, [coming])._replace(remove=[]) == ([], [], [], False, "error", "why")
    assert plan(lost._replace(due=True), [coming]).deploy
    # Seen just before it served: still said to be running.
    served = lost._replace(status="running", status_reason="", due=True)
    assert plan(served, [coming])._replace(remove=[]) == ([], [], [], True, "running", "")
    assert plan(served, []).status == "provisioning"
    assert plan(served._replace(state="suspended"), [coming]).stop == [coming]
