"""Output: the newest lines within bounds, sealed wherever it lies, and gone with what wrote it."""

from typing import Any

import psycopg
import pytest

from models.jobs import deployment, deployment_history
from models.jobs.deployment import OUTPUTS_MOST, DeploymentKey
from models.jobs.output import CUT, LINE_MOST, Line, Output
from models.kinds.container import Container
from models.organisation import Organisation
from models.project import Project
from models.sealed import CannotOpen
from models.system.rotation import rotate
from models.transaction import transaction
from tests.support.log import entries
from tests.support.work import run

WORD = "a word that nobody may find"


def lines(*texts: str) -> Output:
    """Output of one node."""
    return Output([Line(f"2026-11-26T19:00:{nth:02}Z", 1, text) for nth, text in enumerate(texts)])


def fail(container: Container, revision: int, said: Output) -> DeploymentKey:
    """Its deployment fails after it has written this."""
    with transaction():
        lease = deployment.claim(container.key, revision)
    assert lease
    with transaction():
        deployment.fail(lease, "it ended at once, with status 3", output=said)
    return lease.key


def test_the_newest_lines_stay_and_a_long_one_is_cut() -> None:
    found = lines("old", "x" * (LINE_MOST + 1), "new")

    assert [each.text for each in found.shortened(2).lines] == [f"{'x' * (LINE_MOST - 1)}{CUT}", "new"]
    assert [each.text for each in found.shortened(3, 10).lines] == ["new"]
    assert found.shortened(3, 2).lines == []


def test_what_is_new_shows_in_its_digest() -> None:
    assert lines("one").digest == lines("one").digest
    assert lines("one").digest != lines("one", "one").digest


def test_it_opens_as_it_was_and_only_where_it_belongs(app: object) -> None:
    found = lines("one", "two")._replace(problem="why", is_there=False)

    assert Output.opened(found.sealed("here"), "here") == found
    with pytest.raises(CannotOpen):
        Output.opened(found.sealed("here"), "there")


def test_a_deployment_that_failed_keeps_its_last_words_sealed_and_out_of_the_log(
    acme: Organisation, api: Container, superuser: psycopg.Connection
) -> None:
    key = fail(api, 1, lines("begin", WORD))
    found = deployment_history.last_output(key)

    assert found
    assert [each.text for each in found.lines] == ["begin", WORD]
    assert WORD not in str(superuser.execute("SELECT deployments::text FROM deployments").fetchall())
    assert not [each for each in entries(acme) if WORD in str(each)]


def test_they_are_sealed_again_with_everything_else(api: Container, superuser: psycopg.Connection) -> None:
    key = fail(api, 1, lines(WORD))
    superuser.execute("UPDATE deployments SET output = replace(output, split_part(output, '.', 1), 'gone')")
    with pytest.raises(CannotOpen):
        deployment_history.last_output(key)
    with pytest.raises(CannotOpen):
        list(rotate())


@pytest.mark.parametrize("by_hand", [True, False])
def test_they_are_gone_when_the_container_ends(
    acme: Organisation, api: Container, ada: Any, superuser: psycopg.Connection, by_hand: bool
) -> None:
    fail(api, 1, lines(WORD))
    with transaction() as hints:
        if by_hand:
            api.end(ada)
        else:
            acme.delete(ada, "acme")
    for each in hints:
        run(each)

    assert superuser.execute("SELECT DISTINCT output FROM deployments").fetchall() == [("",)]


def test_of_many_failures_the_last_few_keep_them(web: Project, api: Container, ada: Any) -> None:
    keys = []
    for revision in range(1, OUTPUTS_MOST + 3):
        keys.append(fail(api, revision, lines(str(revision))))
        with transaction():
            api.redeploy(ada)
    kept = [key.revision for key in keys if deployment_history.last_output(key)]

    assert kept == [key.revision for key in keys[-OUTPUTS_MOST:]]
