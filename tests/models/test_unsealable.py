"""What could never be sealed is refused when it is written, and named where it is there all the same."""

from pathlib import Path

import psycopg
import pytest
from flask import Flask

from models.log import seal, signing
from models.log.actor import Actor
from models.log.proof.canonical import NotCanonical
from models.log.record import Action, record
from models.organisation import Organisation
from models.people.user import User
from models.project import Project
from models.settings import Settings
from models.system import sealing
from models.system.verification import Asked, verify
from models.transaction import transaction
from tests.support.attacks import rewritten
from tests.support.log import found_another, rename
from tests.support.seals import newest


@pytest.fixture(autouse=True)
def keys(app: Flask, settings: Settings) -> None:
    """This process signs."""
    signing.attach(app, settings)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the last checkpoint of all is kept."""
    return tmp_path / "sealed"


def test_an_entry_that_has_no_leaf_is_named_and_those_before_it_are_sealed(
    acme: Organisation, web: Project, ada: Actor, file: Path, superuser: psycopg.Connection
) -> None:
    rename(web, ada, "Shop")
    rename(web, ada, "Store")
    rewritten(superuser, """UPDATE activity_entries SET changes = '{"size": [1, 1.5]}' WHERE number = 6""")
    sealing.seal_all(file)
    why = "Nothing from #6 on can be sealed: entry 6 has no leaf: 1.5 is no whole number."

    assert newest(acme.id).size == 5
    assert seal.standing(acme.id).refused == why
    assert [each.says for each in verify(Asked())] == ["Entry 6 has no leaf: 1.5 is no whole number."]

    rewritten(superuser, """UPDATE activity_entries SET changes = '{"size": [1, 2]}' WHERE number = 6""")
    sealing.seal_all(file)

    assert newest(acme.id).size == 7
    assert seal.standing(acme.id).refused is None
    assert not list(verify(Asked()))


def test_an_entry_that_cannot_be_read_stops_its_own_organisation_alone(
    acme: Organisation,
    web: Project,
    ada: Actor,
    people: dict[str, User],
    file: Path,
    superuser: psycopg.Connection,
) -> None:
    other = found_another(people, ada, "other")
    for name in ("Shop", "Store", "Stall"):
        rename(web, ada, name)
    rewritten(
        superuser,
        "UPDATE activity_entries SET changes = CAST(repeat('[', 3000) || repeat(']', 3000) AS jsonb) WHERE number = 7",
    )
    sealing.seal_all(file)

    assert newest(other.id).size == seal.standing(other.id).head
    assert newest(acme.id).size == 6
    assert seal.standing(acme.id).refused == "Nothing from #7 on can be sealed: its changes are nested too deeply."


@pytest.mark.parametrize("number", [1.5, float("nan"), 2**53, 1e400])
def test_a_change_that_could_not_be_sealed_does_not_happen(web: Project, ada: Actor, file: Path, number: float) -> None:
    with pytest.raises(NotCanonical), transaction():
        record(ada, Action.UPDATE, web.subject, {"size": [1, number]})
    sealing.seal_all(file)

    assert newest(web.organisation_id).size == 5
