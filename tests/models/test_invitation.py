"""Invitations: for one address, seven days, by consent; and each step of one in the log."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from flask import Flask

from models.database import db
from models.errors import AlreadyMember, Forbidden, NotFound
from models.log.actor import Actor
from models.organisation import Organisation, open_invitations_of
from models.people.access import Role
from models.people.invitation import find_by_token, find_invitation, invitations
from models.people.member import (
    accept_invitation,
    decline_invitation,
    find_member,
    invite_member,
    resend_invitation,
    revoke_invitation,
)
from models.people.user import User
from models.system.expiry import expire_all
from models.transaction import transaction
from tests.conftest import as_actor
from tests.support.invitations import NEW, accept, invite, join, newcomer, role_of
from tests.support.log import entries, latest_entry, summaries
from tests.support.together import together


def now() -> datetime:
    """This moment."""
    return datetime.now(UTC)


def verify(user: User) -> User:
    """As if mail to the address had reached them."""
    with transaction():
        user.verified_at = now()
    return user


def told(acme: Organisation) -> list[tuple[str, str, int | None]]:
    """What the log says since the founding: sentence, actor, cause."""
    return [(each.summary, each.actor_name, each.cause_number) for each in entries(acme)[4:]]


def test_an_invitation_lets_its_person_in(acme: Organisation, ada: Actor) -> None:
    invited = invite(acme, ada, "New@Example.com", "admin")
    noether = newcomer()
    accept(find_by_token(invited.token, now()), noether)

    entry = latest_entry(acme)
    assert role_of(acme, noether) == "admin"
    assert (entry.actor_name, entry.action, entry.changes) == ("Noether", "create", {"role": [None, "admin"]})
    assert entry.summary == "User Noether added as admin, invited by Ada Lovelace"


def test_joining_is_caused_by_the_entry_of_the_invitation(acme: Organisation, ada: Actor) -> None:
    invited = invite(acme, ada)
    with transaction():
        resend_invitation(acme.id, ada, invited.invitation.id, now())
    accept(invited.invitation, newcomer())

    assert told(acme) == [
        ("Invitation of new@example.com as member sent", "Ada Lovelace", None),
        ("Invitation of new@example.com sent again", "Ada Lovelace", None),
        ("User Noether added as member, invited by Ada Lovelace", "Noether", 6),
    ]


def test_the_database_knows_no_token(acme: Organisation, ada: Actor, superuser: psycopg.Connection) -> None:
    invited = invite(acme, ada)

    [(stored,)] = superuser.execute("SELECT invitations::text FROM invitations").fetchall()
    assert invited.token.partition(".")[2] not in stored


def test_an_invitation_lasts_seven_days(acme: Organisation, ada: Actor, superuser: psycopg.Connection) -> None:
    invited = invite(acme, ada)
    noether = newcomer()
    superuser.execute("UPDATE invitations SET expires_at = expires_at - interval '6 days 23 hours'")
    assert find_by_token(invited.token, now()).is_open(now())
    db.session.rollback()
    superuser.execute("UPDATE invitations SET expires_at = expires_at - interval '1 hour 1 second'")

    with pytest.raises(NotFound):
        accept(invited.invitation, noether)
    with pytest.raises(NotFound):
        find_by_token(invited.token, now())
    assert invitations(acme.id, now()) == []


def test_an_invitation_is_used_once(acme: Organisation, ada: Actor) -> None:
    invited = invite(acme, ada)
    noether = newcomer()
    accept(invited.invitation, noether)
    with transaction():
        find_member(acme.id, noether.id).remove(ada)
    with pytest.raises(NotFound):
        accept(invited.invitation, noether)

    with pytest.raises(NotFound):
        find_by_token(invited.token, now())


def test_an_invitation_used_twice_at_once_lets_in_once(app: Flask, acme: Organisation, ada: Actor) -> None:
    token = invite(acme, ada).token
    noether = newcomer()
    user_id, actor = noether.id, as_actor(noether, Role.MEMBER)

    def come_in() -> None:
        accept_invitation(find_by_token(token, now()), db.session.get_one(User, user_id), actor, now())

    outcomes = together(app, come_in, come_in)

    assert sorted(type(each).__name__ for each in outcomes) == ["NoneType", "NotFound"]
    assert len(entries(acme)) == 6


def test_an_invitation_is_for_its_email_alone(acme: Organisation, ada: Actor, people: dict[str, User]) -> None:
    invited = invite(acme, ada)
    with pytest.raises(Forbidden, match=NEW):
        accept(invited.invitation, people["mallory"])
    with pytest.raises(Forbidden, match=NEW), transaction():
        decline_invitation(invited.invitation, people["mallory"], now())

    assert find_by_token(invited.token, now()).is_open(now())


def test_an_account_that_has_not_proven_its_address_joins_by_the_link_alone(
    acme: Organisation, ada: Actor, people: dict[str, User]
) -> None:
    squatter = people["mallory"]
    invited = invite(acme, ada, squatter.email, "admin")

    assert open_invitations_of(squatter.id, now()) == []
    with pytest.raises(Forbidden, match="Verify"):
        accept(invited.invitation, squatter, by_link=False)
    with pytest.raises(NotFound):
        find_member(acme.id, squatter.id)


def test_a_proven_address_sees_and_accepts_its_invitations(
    acme: Organisation, ada: Actor, people: dict[str, User]
) -> None:
    mallory = verify(people["mallory"])
    invited = invite(acme, ada, mallory.email)
    [(organisation, found)] = open_invitations_of(mallory.id, now())
    accept(found, mallory, by_link=False)

    assert (organisation, found) == (acme, invited.invitation)
    assert role_of(acme, mallory) == "member"


def test_a_link_that_was_mailed_proves_the_address_and_one_that_was_shown_does_not(
    acme: Organisation, ada: Actor, people: dict[str, User]
) -> None:
    noether, mallory = newcomer(), people["mallory"]
    accept(invite(acme, ada).invitation, noether)
    with transaction():
        mailed = invite_member(acme.id, ada, mallory.email, "viewer", now(), by_mail=True)
    accept(mailed.invitation, mallory)

    assert noether.verified_at is None
    assert mallory.verified_at is not None


def test_declining_is_told_without_the_name_of_who_declines(
    acme: Organisation, ada: Actor, people: dict[str, User]
) -> None:
    invited = invite(acme, ada, people["mallory"].email)
    with transaction():
        decline_invitation(invited.invitation, people["mallory"], now())

    assert told(acme)[-1] == ("Invitation of mallory@example.com declined", "mallory@example.com", None)
    with pytest.raises(NotFound):
        accept(invited.invitation, people["mallory"])


def test_a_revoked_invitation_is_worthless_and_revoked_once(acme: Organisation, ada: Actor) -> None:
    invited = invite(acme, ada)
    noether = newcomer()
    for _ in range(2):
        with transaction():
            revoke_invitation(acme.id, ada, invited.invitation.id, now())

    assert [each[0] for each in told(acme)][1:] == ["Invitation of new@example.com revoked"]
    with pytest.raises(NotFound):
        find_by_token(invited.token, now())
    with pytest.raises(NotFound):
        accept(invited.invitation, noether)


def test_only_who_may_grant_a_role_revokes_or_resends_or_replaces_its_invitation(
    acme: Organisation, ada: Actor, grace: Actor
) -> None:
    invited = invite(acme, ada, role="owner")
    for verb in (revoke_invitation, resend_invitation):
        with pytest.raises(Forbidden), transaction():
            verb(acme.id, grace, invited.invitation.id, now())
    with pytest.raises(Forbidden):
        invite(acme, grace, role="viewer")

    assert find_by_token(invited.token, now()).is_open(now())
    assert len(entries(acme)) == 5


def test_sending_again_makes_the_old_link_worthless(acme: Organisation, ada: Actor) -> None:
    first = invite(acme, ada)
    with transaction():
        second = resend_invitation(acme.id, ada, first.invitation.id, now())

    with pytest.raises(NotFound):
        find_by_token(first.token, now())
    assert find_by_token(second.token, now()).id == first.invitation.id


def test_an_invitation_of_another_organisation_is_not_found(acme: Organisation, ada: Actor) -> None:
    invited = invite(acme, ada)
    with pytest.raises(NotFound):
        find_invitation(acme.id + 1, invited.invitation.id)
    for token in (f"{acme.id + 1}.{invited.token.partition('.')[2]}", "", ".", "guess", "x.y", f"{10**30}.z"):
        with pytest.raises(NotFound):
            find_by_token(token, now())


def test_a_newer_invitation_revokes_the_earlier_one(acme: Organisation, ada: Actor) -> None:
    first = invite(acme, ada, role="admin")
    second = invite(acme, ada, role="viewer")

    with pytest.raises(NotFound):
        find_by_token(first.token, now())
    assert [each.id for each in invitations(acme.id, now())] == [second.invitation.id]
    assert told(acme)[-1] == ("Invitation of new@example.com revoked", "Ada Lovelace", 6)


def test_a_member_is_not_invited(acme: Organisation, ada: Actor, people: dict[str, User]) -> None:
    with pytest.raises(AlreadyMember) as refused:
        invite(acme, ada, people["vera"].email)

    assert "Vera" not in str(refused.value)


# Those who go take their invitations with them.


def test_who_is_removed_takes_their_open_invitations_along(
    acme: Organisation, ada: Actor, grace: Actor, people: dict[str, User]
) -> None:
    sent, other = invite(acme, grace), invite(acme, ada, "other@example.com")
    with transaction():
        find_member(acme.id, people["grace"].id).remove(ada)

    assert told(acme)[2:] == [
        ("User Grace Hopper removed", "Ada Lovelace", None),
        ("Invitation of new@example.com revoked", "system", 7),
    ]
    assert [each.id for each in invitations(acme.id, now())] == [other.invitation.id]
    with pytest.raises(NotFound):
        find_by_token(sent.token, now())


def test_who_is_demoted_takes_their_open_invitations_along_and_who_rises_keeps_them(
    acme: Organisation, ada: Actor, grace: Actor, people: dict[str, User]
) -> None:
    invite(acme, grace)
    for role in ("owner", "admin"):
        with transaction():
            find_member(acme.id, people["grace"].id).change_role(ada, role)

    assert told(acme)[1:] == [
        ("User Grace Hopper's role changed from admin to owner", "Ada Lovelace", None),
        ("User Grace Hopper's role changed from owner to admin", "Ada Lovelace", None),
        ("Invitation of new@example.com revoked", "system", 7),
    ]


def test_who_was_let_in_another_way_does_not_keep_an_invitation_for_later(
    acme: Organisation, ada: Actor, people: dict[str, User]
) -> None:
    first = invite(acme, ada, people["mallory"].email)
    join(acme, ada, people["mallory"], "viewer")
    with transaction():
        find_member(acme.id, people["mallory"].id).remove(ada)

    with pytest.raises(NotFound):
        accept(first.invitation, people["mallory"])


# Expiry


def test_what_has_expired_is_told_once_by_the_system_because_of_its_last_entry(acme: Organisation, ada: Actor) -> None:
    invite(acme, ada)
    invited = invite(acme, ada, "b@example.com")
    with transaction():
        resend_invitation(acme.id, ada, invited.invitation.id, now())
    expire_all(now())
    assert len(entries(acme)) == 7
    for _ in range(2):
        expire_all(now() + timedelta(days=7, seconds=1))

    assert told(acme)[3:] == [
        ("Invitation of new@example.com expired", "system", 5),
        ("Invitation of b@example.com expired", "system", 7),
    ]
    with pytest.raises(NotFound), transaction():
        resend_invitation(acme.id, ada, invited.invitation.id, now())


def test_nothing_expires_in_what_is_being_deleted(acme: Organisation, ada: Actor) -> None:
    invite(acme, ada)
    with transaction():
        acme.delete(ada, "acme")
    before = summaries(acme)
    expire_all(now() + timedelta(days=8))

    assert summaries(acme) == before
