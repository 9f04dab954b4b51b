"""Members: roles, the last owner, joining and leaving."""

from datetime import UTC, datetime

import psycopg
import pytest
from flask import Flask

from models.database import db
from models.errors import AlreadyMember, Forbidden, Invalid, LastOwner, NotFound, StaleVersion
from models.log.actor import Actor
from models.organisation import Organisation
from models.people.access import GRANTS, Permission, Role, allows
from models.people.invitation import invitations
from models.people.member import find_member, invite_member, members
from models.people.user import User
from models.transaction import transaction
from tests.conftest import as_actor
from tests.support.invitations import NEW, accept, invite, join, newcomer, role_of
from tests.support.log import entries, latest_entry
from tests.support.together import meanwhile, together

# Roles


def test_an_owner_may_everything_and_a_viewer_only_read() -> None:
    assert GRANTS[Role.OWNER] == set(Permission)
    assert GRANTS[Role.VIEWER] == {Permission.READ_LOG, Permission.READ}


def test_an_auditor_reads_the_log_with_its_money_verifies_it_and_nothing_else() -> None:
    assert GRANTS[Role.AUDITOR] == {Permission.READ_LOG, Permission.SEE_MONEY, Permission.VERIFY_LOG}


@pytest.mark.parametrize("permission", Permission)
def test_who_is_no_member_may_nothing(permission: Permission) -> None:
    assert not allows(None, permission)


def test_each_role_may_what_the_next_one_may_and_more() -> None:
    owner, admin, member, viewer = (GRANTS[role] for role in Role if role is not Role.AUDITOR)

    assert viewer < member < admin < owner
    assert not admin & {Permission.SEE_MONEY, Permission.MANAGE_BILLING, Permission.DELETE_ORGANISATION}


@pytest.mark.parametrize("email", ["mallory@example.com", "nobody@example.com"])
def test_adding_anyone_makes_an_invitation_and_no_member(acme: Organisation, ada: Actor, email: str) -> None:
    invite(acme, ada, f" {email.capitalize()} ", "viewer")

    entry = latest_entry(acme)
    assert (entry.action, entry.resource_type, entry.resource_name) == ("create", "invitation", email)
    assert entry.summary == f"Invitation of {email} as viewer sent"
    assert entry.changes == {"role": [None, "viewer"]}
    assert len(members(acme.id)) == 4


def test_changing_a_role_says_old_and_new(acme: Organisation, ada: Actor, people: dict[str, User]) -> None:
    with transaction():
        find_member(acme.id, people["vera"].id).change_role(ada, "member")

    entry = latest_entry(acme)
    assert (entry.action, entry.changes) == ("update", {"role": ["viewer", "member"]})
    assert entry.summary == "User Vera Rubin's role changed from viewer to member"


def test_the_same_role_again_writes_nothing(acme: Organisation, ada: Actor, people: dict[str, User]) -> None:
    with transaction():
        find_member(acme.id, people["vera"].id).change_role(ada, "viewer")

    assert len(entries(acme)) == 4


def test_removing_someone_is_one_entry(acme: Organisation, ada: Actor, people: dict[str, User]) -> None:
    with transaction():
        find_member(acme.id, people["vera"].id).remove(ada)

    entry = latest_entry(acme)
    assert (entry.action, entry.summary) == ("delete", "User Vera Rubin removed")
    assert entry.changes == {"role": ["viewer", None]}
    assert "vera@example.com" not in [each.user.email for each in members(acme.id)]


def test_one_may_leave_by_oneself(acme: Organisation, people: dict[str, User]) -> None:
    vera = as_actor(people["vera"], Role.VIEWER)
    with transaction():
        find_member(acme.id, people["vera"].id).remove(vera)

    assert latest_entry(acme).actor_name == "Vera Rubin"


def test_who_was_removed_can_be_added_again(acme: Organisation, ada: Actor, people: dict[str, User]) -> None:
    with transaction():
        find_member(acme.id, people["vera"].id).remove(ada)
    join(acme, ada, people["vera"], "admin")

    assert role_of(acme, people["vera"]) == "admin"


def test_a_member_is_not_added_twice(acme: Organisation, ada: Actor) -> None:
    with pytest.raises(AlreadyMember), transaction():
        invite_member(acme.id, ada, "vera@example.com", "member", datetime.now(UTC))

    assert len(entries(acme)) == 4


def test_two_who_invite_the_same_person_at_once_leave_one_open_invitation(
    app: Flask, acme: Organisation, ada: Actor
) -> None:
    def ask() -> None:
        invite_member(acme.id, ada, "mallory@example.com", "member", datetime.now(UTC))

    together(app, ask, ask)

    assert len(invitations(acme.id, datetime.now(UTC))) == 1
    assert [each.action for each in entries(acme)[4:]] == ["create", "create", "delete"]


def test_two_who_remove_the_same_person_at_once_leave_one_entry(
    app: Flask, acme: Organisation, ada: Actor, people: dict[str, User], superuser: psycopg.Connection
) -> None:
    vera = people["vera"].id
    with transaction():
        find_member(acme.id, vera).remove(ada)
        db.session.flush()
        second = meanwhile(app, superuser, lambda: find_member(acme.id, vera).remove(ada))

    assert isinstance(second.outcome, NotFound)
    assert len(entries(acme)) == 5


def test_a_role_is_not_given_to_someone_who_is_being_removed(
    app: Flask, acme: Organisation, ada: Actor, people: dict[str, User], superuser: psycopg.Connection
) -> None:
    vera = people["vera"].id
    with transaction():
        find_member(acme.id, vera).remove(ada)
        db.session.flush()
        second = meanwhile(app, superuser, lambda: find_member(acme.id, vera).change_role(ada, "admin"))

    assert isinstance(second.outcome, NotFound)
    assert latest_entry(acme).summary == "User Vera Rubin removed"


@pytest.mark.parametrize("role", ["", "boss", "Owner"])
def test_there_are_four_roles(acme: Organisation, ada: Actor, people: dict[str, User], role: str) -> None:
    with pytest.raises(Invalid) as adding, transaction():
        invite_member(acme.id, ada, "mallory@example.com", role, datetime.now(UTC))
    with pytest.raises(Invalid) as changing, transaction():
        find_member(acme.id, people["vera"].id).change_role(ada, role)

    assert adding.value.field == changing.value.field == "role"


@pytest.mark.parametrize("email", ["", "mallory", "mallory@", "a\x00@example.com"])
def test_an_email_is_asked_for(acme: Organisation, ada: Actor, email: str) -> None:
    with pytest.raises(Invalid) as refused, transaction():
        invite_member(acme.id, ada, email, "member", datetime.now(UTC))

    assert refused.value.field == "email"


def test_nobody_is_found_who_is_no_member(acme: Organisation, people: dict[str, User]) -> None:
    with pytest.raises(NotFound):
        find_member(acme.id, people["mallory"].id)


def test_members_come_by_name(acme: Organisation) -> None:
    assert [each.user.name for each in members(acme.id)] == [
        "Ada Lovelace",
        "Grace Hopper",
        "Linus Pauling",
        "Vera Rubin",
    ]


@pytest.mark.parametrize("state", ["deleting", "deleted"])
def test_nobody_joins_or_is_removed_from_what_is_being_deleted(
    acme: Organisation, ada: Actor, people: dict[str, User], superuser: psycopg.Connection, state: str
) -> None:
    open_one = invite(acme, ada).invitation
    noether = newcomer()
    superuser.execute("UPDATE organisations SET state = %s", (state,))
    with pytest.raises(NotFound), transaction():
        invite_member(acme.id, ada, "mallory@example.com", "member", datetime.now(UTC))
    with pytest.raises(NotFound), transaction():
        find_member(acme.id, people["vera"].id).remove(ada)
    with pytest.raises(NotFound), transaction():
        find_member(acme.id, people["vera"].id).change_role(ada, "admin")
    with pytest.raises(NotFound):
        accept(open_one, noether)

    assert len(entries(acme)) == 5


@pytest.mark.parametrize("state", ["deleting", "deleted"])
@pytest.mark.parametrize("name", ["vera", "ada"])
def test_everyone_may_leave_what_is_deleted_the_last_owner_too(
    acme: Organisation, people: dict[str, User], superuser: psycopg.Connection, state: str, name: str
) -> None:
    member = find_member(acme.id, people[name].id)
    superuser.execute("UPDATE organisations SET state = %s", (state,))
    with transaction():
        member.remove(as_actor(people[name], Role(member.role)))

    assert latest_entry(acme).summary == f"User {people[name].name} removed"
    assert name not in [each.user.email.partition("@")[0] for each in members(acme.id)]


def test_leaving_what_is_deleted_twice_at_once_is_one_entry(
    app: Flask, acme: Organisation, people: dict[str, User], superuser: psycopg.Connection
) -> None:
    superuser.execute("UPDATE organisations SET state = 'deleted'")
    vera = as_actor(people["vera"], Role.VIEWER)
    with transaction():
        find_member(acme.id, people["vera"].id).remove(vera)
        db.session.flush()
        second = meanwhile(app, superuser, lambda: find_member(acme.id, people["vera"].id).remove(vera))

    assert isinstance(second.outcome, StaleVersion)
    assert len(entries(acme)) == 5


def test_members_are_managed_while_it_is_suspended(
    acme: Organisation, ada: Actor, superuser: psycopg.Connection
) -> None:
    superuser.execute("UPDATE organisations SET state = 'suspended'")
    invite(acme, ada, "mallory@example.com", "owner")

    assert len(entries(acme)) == 5


# Owners


def test_the_last_owner_can_neither_leave_nor_step_down(
    acme: Organisation, ada: Actor, people: dict[str, User]
) -> None:
    with pytest.raises(LastOwner), transaction():
        find_member(acme.id, people["ada"].id).remove(ada)
    with pytest.raises(LastOwner), transaction():
        find_member(acme.id, people["ada"].id).change_role(ada, "admin")

    assert role_of(acme, people["ada"]) == "owner"
    assert len(entries(acme)) == 4


def test_one_of_two_owners_may_step_down(acme: Organisation, ada: Actor, people: dict[str, User]) -> None:
    with transaction():
        find_member(acme.id, people["grace"].id).change_role(ada, "owner")
    with transaction():
        find_member(acme.id, people["ada"].id).change_role(ada, "viewer")

    assert role_of(acme, people["ada"]) == "viewer"


def test_an_admin_neither_makes_nor_changes_nor_removes_an_owner(
    acme: Organisation, grace: Actor, people: dict[str, User]
) -> None:
    with pytest.raises(Forbidden), transaction():
        invite_member(acme.id, grace, "mallory@example.com", "owner", datetime.now(UTC))
    with pytest.raises(Forbidden), transaction():
        invite_member(acme.id, grace, NEW, "owner", datetime.now(UTC))
    with pytest.raises(Forbidden), transaction():
        find_member(acme.id, people["vera"].id).change_role(grace, "owner")
    with pytest.raises(Forbidden), transaction():
        find_member(acme.id, people["grace"].id).change_role(grace, "owner")
    with pytest.raises(Forbidden), transaction():
        find_member(acme.id, people["ada"].id).change_role(grace, "viewer")
    with pytest.raises(Forbidden), transaction():
        find_member(acme.id, people["ada"].id).remove(grace)

    assert len(entries(acme)) == 4
    assert invitations(acme.id, datetime.now(UTC)) == []


def test_two_owners_who_demote_each_other_at_once_leave_one(
    app: Flask, acme: Organisation, ada: Actor, people: dict[str, User]
) -> None:
    with transaction():
        find_member(acme.id, people["grace"].id).change_role(ada, "owner")
    grace = as_actor(people["grace"], Role.OWNER)
    outcomes = together(
        app,
        lambda: find_member(acme.id, grace.id or 0).change_role(ada, "viewer"),
        lambda: find_member(acme.id, ada.id or 0).change_role(grace, "viewer"),
    )

    assert sorted(type(each).__name__ for each in outcomes) == ["Forbidden", "NoneType"]
    assert sorted(each.role for each in members(acme.id)).count("owner") == 1


def test_two_owners_who_leave_at_once_leave_one(
    app: Flask, acme: Organisation, ada: Actor, people: dict[str, User]
) -> None:
    with transaction():
        find_member(acme.id, people["grace"].id).change_role(ada, "owner")
    grace = as_actor(people["grace"], Role.OWNER)
    outcomes = together(
        app,
        lambda: find_member(acme.id, ada.id or 0).remove(ada),
        lambda: find_member(acme.id, grace.id or 0).remove(grace),
    )

    assert sorted(type(each).__name__ for each in outcomes) == ["LastOwner", "NoneType"]
