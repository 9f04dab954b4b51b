"""Invitations: a link for one address, one use and seven days."""

import psycopg
import pytest
from flask import Flask

from models.database import db
from models.errors import Forbidden, NotFound
from models.log.actor import Actor
from models.organisation import Organisation
from models.people.access import Role
from models.people.invitation import find_invitation, invitations, revoke
from models.people.member import accept_invitation, add_member, find_member
from models.people.user import User
from models.transaction import transaction
from tests.conftest import as_actor
from tests.support.invitations import NEW, accept, invite, newcomer, role_of
from tests.support.log import entries, latest_entry
from tests.support.together import together


def test_an_invitation_lets_its_person_in(acme: Organisation, ada: Actor) -> None:
    invited = invite(acme, ada, "New@Example.com", "admin")
    noether = newcomer()
    accept(find_invitation(acme.id, invited.token), noether)

    entry = latest_entry(acme)
    assert role_of(acme, noether) == "admin"
    assert (entry.actor_name, entry.action, entry.changes) == ("Noether", "create", {"role": [None, "admin"]})
    assert entry.summary == "User Noether added as admin, invited by Ada Lovelace"


def test_the_database_knows_no_token(acme: Organisation, ada: Actor, superuser: psycopg.Connection) -> None:
    invited = invite(acme, ada)

    [(stored,)] = superuser.execute("SELECT invitations::text FROM invitations").fetchall()
    assert invited.token not in stored


def test_an_invitation_lasts_seven_days(acme: Organisation, ada: Actor, superuser: psycopg.Connection) -> None:
    invited = invite(acme, ada)
    noether = newcomer()
    superuser.execute("UPDATE invitations SET expires_at = expires_at - interval '6 days 23 hours'")
    assert find_invitation(acme.id, invited.token).is_open
    db.session.rollback()
    superuser.execute("UPDATE invitations SET expires_at = expires_at - interval '1 hour 1 second'")

    with pytest.raises(NotFound):
        accept(invited.invitation, noether)
    with pytest.raises(NotFound):
        find_invitation(acme.id, invited.token)
    assert invitations(acme.id) == []


def test_an_invitation_is_used_once(acme: Organisation, ada: Actor) -> None:
    invited = invite(acme, ada)
    noether = newcomer()
    accept(invited.invitation, noether)
    with transaction():
        find_member(acme.id, noether.id).remove(ada)
    with pytest.raises(NotFound):
        accept(invited.invitation, noether)

    with pytest.raises(NotFound):
        find_invitation(acme.id, invited.token)


def test_an_invitation_used_twice_at_once_lets_in_once(app: Flask, acme: Organisation, ada: Actor) -> None:
    token = invite(acme, ada).token
    noether = newcomer()
    user_id, actor = noether.id, as_actor(noether, Role.MEMBER)

    def join() -> None:
        accept_invitation(find_invitation(acme.id, token), db.session.get_one(User, user_id), actor)

    outcomes = together(app, join, join)

    assert sorted(type(each).__name__ for each in outcomes) == ["NoneType", "NotFound"]
    assert len(entries(acme)) == 5


def test_an_invitation_is_for_its_email_alone(acme: Organisation, ada: Actor, people: dict[str, User]) -> None:
    invited = invite(acme, ada)
    with pytest.raises(Forbidden, match=NEW):
        accept(invited.invitation, people["mallory"])

    assert find_invitation(acme.id, invited.token).is_open


def test_a_revoked_invitation_is_worthless(acme: Organisation, ada: Actor) -> None:
    invited = invite(acme, ada)
    noether = newcomer()
    for _ in range(2):
        with transaction():
            revoke(acme.id, invited.invitation.id)

    with pytest.raises(NotFound):
        find_invitation(acme.id, invited.token)
    with pytest.raises(NotFound):
        accept(invited.invitation, noether)


def test_an_invitation_of_another_organisation_is_not_found(acme: Organisation, ada: Actor) -> None:
    invited = invite(acme, ada)
    with pytest.raises(NotFound):
        find_invitation(acme.id + 1, invited.token)
    with pytest.raises(NotFound):
        revoke(acme.id + 1, invited.invitation.id)


def test_a_newer_invitation_replaces_the_earlier_one(acme: Organisation, ada: Actor) -> None:
    first = invite(acme, ada, role="admin")
    second = invite(acme, ada, role="viewer")

    with pytest.raises(NotFound):
        find_invitation(acme.id, first.token)
    assert [each.id for each in invitations(acme.id)] == [second.invitation.id]


def test_a_newer_invitation_replaces_the_earlier_one_however_many_lie_between(
    acme: Organisation, ada: Actor, superuser: psycopg.Connection
) -> None:
    first = invite(acme, ada, role="admin")
    superuser.execute("""
        INSERT INTO invitations (organisation_id, email, role, token_hash, invited_by, expires_at)
        SELECT organisation_id, n || '@example.com', role, n::text::bytea, invited_by, expires_at
          FROM invitations, generate_series(1, 200) AS n
    """)
    invite(acme, ada, role="viewer")

    with pytest.raises(NotFound):
        find_invitation(acme.id, first.token)


def test_who_was_let_in_another_way_does_not_keep_an_invitation_for_later(acme: Organisation, ada: Actor) -> None:
    invited = invite(acme, ada)
    noether = newcomer()
    with transaction():
        add_member(acme.id, ada, NEW, "viewer")
    with transaction():
        find_member(acme.id, noether.id).remove(ada)

    with pytest.raises(NotFound):
        accept(invited.invitation, noether)


def test_inviting_changes_nothing_that_the_log_tells(acme: Organisation, ada: Actor) -> None:
    invite(acme, ada)

    assert len(entries(acme)) == 4
