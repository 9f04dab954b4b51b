"""Organisations: founded, changed, deleted; handles that are never released."""

import psycopg
import pytest
from flask import Flask

from models.billing.account import account_of
from models.database import db
from models.errors import (
    ConfirmationMismatch,
    HandleTaken,
    Invalid,
    NotFound,
    OrganisationSuspended,
    StaleVersion,
)
from models.log.actor import Actor
from models.organisation import Organisation, belongings, by_handle, create_organisation
from models.people.member import members
from models.people.session import begin_session
from models.people.standing import Standing, standing
from models.people.user import User
from models.project import Project
from models.transaction import transaction
from tests.support.log import entries, latest_entry, summaries
from tests.support.together import Deed, meanwhile, together


def found(user: User, actor: Actor, **values: str) -> Organisation:
    """Found an organisation, with usual values where none are given."""
    with transaction():
        return create_organisation(
            user, actor, **{"name": "Globex", "handle": "globex", "email": "it@globex.example.com", **values}
        )


def its() -> Organisation:
    """Acme, as another session sees it."""
    organisation = by_handle("acme")
    assert organisation
    return organisation


def set_state(superuser: psycopg.Connection, organisation: Organisation, state: str) -> None:
    """Put the organisation in a state behind everyone's back."""
    superuser.execute("UPDATE organisations SET state = %s WHERE id = %s", (state, organisation.id))
    db.session.expire_all()


def test_founding_is_one_entry_with_what_was_given(people: dict[str, User], ada: Actor) -> None:
    globex = found(people["ada"], ada)

    [entry] = entries(globex)
    assert (entry.number, entry.action, entry.resource_type, entry.actor_name) == (
        1,
        "create",
        "organisation",
        "Ada Lovelace",
    )
    assert entry.summary == "Organisation Globex created"
    assert entry.changes == {
        "name": [None, "Globex"],
        "handle": [None, "globex"],
        "email": [None, "it@globex.example.com"],
    }


def test_the_founder_is_its_owner(people: dict[str, User], ada: Actor) -> None:
    globex = found(people["ada"], ada)

    assert [(each.user.name, each.role) for each in members(globex.id)] == [("Ada Lovelace", "owner")]


def test_it_begins_with_an_empty_balance(people: dict[str, User], ada: Actor) -> None:
    globex = found(people["ada"], ada)

    assert account_of(globex.id).balance_cents == 0


def test_an_update_says_old_and_new(acme: Organisation, ada: Actor) -> None:
    with transaction():
        acme.update(ada, acme.version, name="Acme Corp.", email="Hello@ACME.example.com")

    entry = latest_entry(acme)
    assert entry.summary == "Organisation Acme Corp. updated"
    assert entry.changes == {
        "name": ["Acme", "Acme Corp."],
        "email": ["ops@acme.example.com", "hello@acme.example.com"],
    }


def test_an_update_that_changes_nothing_writes_nothing(acme: Organisation, ada: Actor) -> None:
    version = acme.version
    with transaction():
        acme.update(ada, version, name=" Acme ", email="ops@acme.example.com")

    assert len(entries(acme)) == 4
    assert acme.version == version


def test_an_update_of_an_older_state_is_stale(acme: Organisation, ada: Actor) -> None:
    seen = acme.version
    with transaction():
        acme.update(ada, seen, name="First")
    with pytest.raises(StaleVersion), transaction():
        acme.update(ada, seen, name="Second")

    assert latest_entry(acme).changes == {"name": ["Acme", "First"]}


def test_of_two_updates_at_once_the_later_is_stale(
    app: Flask, acme: Organisation, ada: Actor, superuser: psycopg.Connection
) -> None:
    seen = acme.version
    with transaction():
        acme.update(ada, seen, name="One")
        db.session.flush()
        second = meanwhile(app, superuser, lambda: its().update(ada, seen, name="Two"))

    assert isinstance(second.outcome, StaleVersion)
    assert summaries(acme)[4:] == ["Organisation One updated"]


def test_two_updates_at_once_do_not_wait_for_each_other(app: Flask, acme: Organisation, ada: Actor) -> None:
    seen = acme.version
    with pytest.raises(StaleVersion), transaction():
        acme.update(ada, seen, name="One")
        assert Deed(app, lambda: its().update(ada, seen, name="Two")).outcome is None

    assert summaries(acme)[4:] == ["Organisation Two updated"]


def test_the_handle_is_permanent(acme: Organisation, ada: Actor) -> None:
    with pytest.raises(Invalid, match="permanent"), transaction():
        acme.update(ada, acme.version, handle="other")

    assert by_handle("acme") is not None


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": " "}, "name"),
        ({"name": "n" * 78}, "name"),
        ({"name": "Ac\x00me"}, "name"),
        ({"name": "Ac\u202eme"}, "name"),
        ({"handle": ""}, "handle"),
        ({"handle": "new"}, "handle"),
        ({"handle": "Acme"}, "handle"),
        ({"handle": "a_b"}, "handle"),
        ({"handle": "-a"}, "handle"),
        ({"handle": "h" * 52}, "handle"),
        ({"email": ""}, "email"),
        ({"email": "nobody"}, "email"),
        ({"email": f"{'e' * 64}@{'d' * 63}.{'d' * 63}.{'d' * 63}.example.com"}, "email"),
    ],
)
def test_what_is_out_of_bounds_is_refused_beside_its_field(
    people: dict[str, User], ada: Actor, wrong: dict[str, str], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        found(people["ada"], ada, **wrong)

    assert refused.value.field == field


def test_the_longest_values_fit(people: dict[str, User], ada: Actor) -> None:
    globex = found(people["ada"], ada, name="ü" * 77, handle="h" * 51)

    assert latest_entry(globex).resource_name == "ü" * 77


def test_a_taken_handle_is_refused(acme: Organisation, people: dict[str, User], ada: Actor) -> None:
    with pytest.raises(HandleTaken):
        found(people["grace"], ada, handle="acme")


def test_two_who_found_the_same_handle_at_once_get_one_organisation(app: Flask, ada: Actor) -> None:
    def create() -> None:
        user = db.session.get_one(User, ada.id)
        create_organisation(user, ada, name="Globex", handle="globex", email="it@globex.example.com")

    outcomes = together(app, create, create)

    assert sorted(type(each).__name__ for each in outcomes) == ["HandleTaken", "NoneType"]


def test_deleting_asks_for_the_handle(acme: Organisation, ada: Actor) -> None:
    with pytest.raises(ConfirmationMismatch), transaction():
        acme.delete(ada, "Acme")

    assert acme.state == "active"


def test_deleting_is_one_entry_and_a_job(acme: Organisation, ada: Actor) -> None:
    with transaction() as hints:
        acme.delete(ada, " acme ")

    assert acme.state == "deleting"
    assert summaries(acme)[4:] == ["Organisation Acme deleted"]
    assert len(hints) == 1


def test_it_is_deleted_once(acme: Organisation, ada: Actor) -> None:
    with transaction():
        acme.delete(ada, "acme")
    with pytest.raises(NotFound), transaction():
        acme.delete(ada, "acme")

    assert len(entries(acme)) == 5


def test_two_who_delete_it_at_once_leave_one_entry(app: Flask, acme: Organisation, ada: Actor) -> None:
    outcomes = together(app, *[lambda: its().delete(ada, "acme")] * 2)

    assert sum(each is None for each in outcomes) == 1
    assert summaries(acme)[4:] == ["Organisation Acme deleted"]


def test_its_handle_is_never_free_again(
    acme: Organisation, people: dict[str, User], ada: Actor, superuser: psycopg.Connection
) -> None:
    set_state(superuser, acme, "deleted")
    with pytest.raises(HandleTaken):
        found(people["ada"], ada, handle="acme")


@pytest.mark.parametrize(
    ("state", "refusal"), [("suspended", OrganisationSuspended), ("deleting", NotFound), ("deleted", NotFound)]
)
def test_nothing_is_created_or_changed_unless_it_is_active(
    acme: Organisation, ada: Actor, superuser: psycopg.Connection, state: str, refusal: type[Exception]
) -> None:
    set_state(superuser, acme, state)
    with pytest.raises(refusal), transaction():
        acme.create_project(ada, name="Web", handle="web")
    with pytest.raises(refusal), transaction():
        acme.update(ada, acme.version, name="Other")

    assert len(entries(acme)) == 4


def test_a_suspended_organisation_can_be_deleted(acme: Organisation, ada: Actor, superuser: psycopg.Connection) -> None:
    set_state(superuser, acme, "suspended")
    with transaction():
        acme.delete(ada, "acme")

    assert acme.state == "deleting"


def test_a_deletion_waits_for_a_project_that_is_being_created(
    app: Flask, acme: Organisation, ada: Actor, superuser: psycopg.Connection
) -> None:
    with transaction():
        acme.create_project(ada, name="Web", handle="web")
        deletion = meanwhile(app, superuser, lambda: its().delete(ada, "acme"))

    assert deletion.outcome is None
    assert summaries(acme)[4:] == ["Project Web created", "Organisation Acme deleted"]


def test_a_project_beside_a_deletion_is_refused_once_the_organisation_is_gone(
    app: Flask, acme: Organisation, ada: Actor, superuser: psycopg.Connection
) -> None:
    def create() -> Project:
        return its().create_project(ada, name="Web", handle="web")

    with transaction():
        acme.delete(ada, "acme")
        db.session.flush()
        creation = meanwhile(app, superuser, create)

    assert isinstance(creation.outcome, NotFound)
    assert summaries(acme)[4:] == ["Organisation Acme deleted"]


def test_foreign_and_missing_organisations_look_the_same(acme: Organisation, people: dict[str, User]) -> None:
    with transaction():
        mallory = begin_session(people["mallory"], "", "")

    assert standing(mallory.in_cookie, "acme") == standing(mallory.in_cookie, "nowhere") == Standing(mallory, None)


def test_a_deleted_organisation_comes_last_in_the_list_of_its_members(
    acme: Organisation, people: dict[str, User], ada: Actor, superuser: psycopg.Connection
) -> None:
    found(people["ada"], ada)
    set_state(superuser, acme, "deleted")

    assert [each.organisation.handle for each in belongings(people["ada"].id)] == ["globex", "acme"]
