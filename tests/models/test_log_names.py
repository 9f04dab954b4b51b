"""The names that things and people had in the log, which a search begins with: each once, whatever was written."""

import psycopg
import pytest
from sqlalchemy import text

from models.database import db
from models.kinds.container import Container
from models.log.actor import Actor
from models.organisation import Organisation
from models.people.identity import rename
from models.people.user import User
from models.project import Project
from models.transaction import transaction
from tests.support.proof import violations
from tests.support.work import job_of, run


def names(organisation: Organisation, noun: str) -> list[str]:
    """Names of one sort of thing."""
    query = text("""SELECT name FROM activity_names WHERE organisation_id = :id AND resource_type::text = :noun
                     ORDER BY resource_id, name""")
    if noun == "user":
        query = text("SELECT shown FROM activity_people WHERE organisation_id = :id ORDER BY user_id, shown")
    found = list(db.session.execute(query, {"id": organisation.id, "noun": noun}).scalars())
    db.session.rollback()
    return found


def test_a_thing_that_is_renamed_is_found_by_either_name(
    acme: Organisation, web: Project, api: Container, ada: Actor
) -> None:
    with transaction():
        api.update(ada, api.version, name="payments")
    with transaction():
        api.update(ada, api.version, image="nginx:1.28")

    assert names(acme, "container") == ["my-api", "payments"]


def test_someone_who_only_acts_is_known_by_the_name_they_act_under(
    acme: Organisation, people: dict[str, User], ada: Actor
) -> None:
    with transaction():
        rename(people["ada"], ada, "Ada King")
    with transaction():
        acme.create_project(Actor(people["ada"].id, "Ada King", ada.role, ada.door), name="Web", handle="web")

    assert names(acme, "user")[:2] == ["Ada King", "Ada Lovelace"]


def test_a_cascade_writes_no_names_and_none_is_missing(
    acme: Organisation, full: Project, ada: Actor, superuser: psycopg.Connection
) -> None:
    before = superuser.execute("SELECT * FROM activity_names ORDER BY 1, 2, 3, 4").fetchall()
    with transaction() as hints:
        full.delete(ada, confirm=full.handle)
    run(job_of(hints))

    assert superuser.execute("SELECT * FROM activity_names ORDER BY 1, 2, 3, 4").fetchall() == before
    assert violations(superuser) == []


def test_the_application_cannot_make_up_a_name(acme: Organisation) -> None:
    with pytest.raises(Exception, match="permission denied"):
        db.session.execute(text("INSERT INTO activity_names VALUES (1, 'user', 1, 'Mallory')"))
    db.session.rollback()
