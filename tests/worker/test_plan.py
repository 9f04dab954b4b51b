"""What a round decides, from what is wanted and what the engine has."""

from collections.abc import Callable

import pytest

from models.jobs import deployment
from models.jobs.deployment import Mark
from models.kinds.container import Container
from models.log.actor import Actor
from models.system import desired
from models.system.desired import Wanted
from models.transaction import transaction
from tests.support.deployments import deployed
from worker.engine.interface import Instance
from worker.engine.plan import plan

Seen = Callable[..., Instance]


@pytest.fixture
def seen(api: Container) -> Seen:
    """Makes what the engine may have of a deployment."""

    def make(mark: Mark, revision: int = 1, node: int = 1, running: bool = True, coming: str = "") -> Instance:
        return Instance(f"{mark.stamp}-{node}-{coming}", api.key, revision, node, running, coming=coming, mark=mark)

    return make


def wanted_of(api: Container) -> Wanted:
    """What is wanted now."""
    found = desired.one(api.key)
    assert found
    assert found.newest
    return found


def mark_of(api: Container) -> Mark:
    """What containers of the deployed revision bear."""
    known = wanted_of(api).deployed
    assert known
    return known.mark


def test_what_serves_as_deployed_is_left_alone_and_anything_else_of_its_number_is_removed(
    api: Container, seen: Seen
) -> None:
    deployed(api.key, 1)
    mark = mark_of(api)
    ours = seen(mark)
    others = [
        seen(mark._replace(image_id="sha256:other")),
        seen(mark._replace(specification="other")),
        seen(Mark("", "", mark.image_id)),
    ]

    assert plan(wanted_of(api), [ours]) == ([], [], [], None, "running", "")
    assert plan(wanted_of(api), [*others, ours]).remove == others
    assert plan(wanted_of(api), others) == (others, [], [], 1, "provisioning", "")
    assert plan(None, [ours]).remove == [ours]


def test_of_two_that_are_the_same_node_one_stays_and_it_is_one_that_runs(api: Container, seen: Seen) -> None:
    deployed(api.key, 1)
    mark = mark_of(api)
    stopped, runs = seen(mark, running=False), seen(mark)

    assert plan(wanted_of(api), [stopped, runs]) == ([stopped], [], [], None, "running", "")
    assert plan(wanted_of(api), [stopped]) == ([], [], [stopped], None, "running", "")


def test_one_that_was_paused_is_to_go_on(api: Container, seen: Seen) -> None:
    deployed(api.key, 1)
    paused = seen(mark_of(api))._replace(paused=True)

    assert plan(wanted_of(api), [paused]).start == [paused]
    assert plan(wanted_of(api)._replace(state="suspended"), [paused]).stop == [paused]


def test_what_comes_up_is_left_to_who_works_on_it_and_counts_as_nothing_when_nobody_does(
    api: Container, seen: Seen
) -> None:
    wanted = wanted_of(api)
    assert wanted.newest
    mark = wanted.newest.mark
    coming, serves = seen(mark, coming="api-coming-1"), seen(mark)
    assert plan(wanted, [coming, serves]).remove == [coming]
    assert plan(wanted, []).deploy == 1
    with transaction():
        deployment.claim(api.key, 1)
    leased = wanted_of(api)
    assert plan(leased, [coming, serves]).remove == []
    assert plan(leased, []).deploy is None


def test_one_that_was_up_and_did_not_come_up_again_is_in_error_until_it_does(api: Container, seen: Seen) -> None:
    deployed(api.key, 1)
    wanted = wanted_of(api)
    assert wanted.deployed
    coming = seen(mark_of(api), coming="api-coming-1")
    later = wanted._replace(status="error", status_reason="why", deployed=wanted.deployed._replace(due=False))
    assert plan(later, [coming])._replace(remove=[]) == ([], [], [], None, "error", "why")
    assert plan(later._replace(deployed=wanted.deployed), [coming]).deploy == 1
    # Seen just before it served: still said to be running.
    assert plan(wanted, [coming])._replace(remove=[]) == ([], [], [], 1, "running", "")
    assert plan(wanted, []).status == "provisioning"
    assert plan(wanted._replace(state="suspended"), [coming]).stop == [coming]


def test_when_the_newest_has_failed_the_one_before_comes_back(api: Container, ada: Actor, seen: Seen) -> None:
    deployed(api.key, 1)
    with transaction():
        api.update(ada, api.version, image="nginx:1.28")
    with transaction():
        lease = deployment.claim(api.key, 2)
    assert lease
    with transaction():
        deployment.fail(lease, "no such image")

    assert plan(wanted_of(api), []) == ([], [], [], 1, "provisioning", "")
    assert plan(wanted_of(api), [seen(mark_of(api))]) == ([], [], [], None, "running", "")


def test_what_the_version_before_made_serves_until_it_is_replaced_by_what_bears_a_mark(
    api: Container, seen: Seen
) -> None:
    deployed(api.key, 1)
    wanted = wanted_of(api)
    assert wanted.deployed
    unproven = wanted._replace(deployed=wanted.deployed._replace(is_kept=False))
    before, older = seen(Mark("", "", "x")), seen(Mark("", "", "x"), revision=0)

    assert plan(unproven, [before, older]) == ([older], [], [], 1, "running", "")
    assert plan(unproven._replace(revision=2), [before]) == ([], [], [], None, "running", "")
    assert plan(unproven._replace(revision=2), []).status == "error"
