"""Invitations: how anyone joins, by consent. Each step of one is an entry; joining is the entry of the new member."""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Boolean, DateTime, Identity, Integer, LargeBinary, Select, String, func, select, text
from sqlalchemy.orm import Mapped, mapped_column

from models.database import db
from models.errors import Forbidden, NotFound
from models.log.actor import SYSTEM, Actor
from models.log.entry import latest_number
from models.log.record import Action, Record, Sentence, Subject, record
from models.log.tracked import Owned
from models.numbers import whole_number
from models.people.access import Role
from models.people.user import User

VALID_FOR = timedelta(days=7)
LISTED_MOST = 200
CLOSED = "This invitation has expired or was used. Ask for a new one."
UNPROVEN = "Verify your email address first, or open the link that you were sent."
INTEGER = 2**31 - 1


class Invitation(Owned):
    """An offer to one email address to join an organisation, open for seven days."""

    __tablename__ = "invitations"
    noun = "invitation"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    email: Mapped[str] = mapped_column(String(254))
    role: Mapped[str] = mapped_column(String(16))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 of the token; the token itself is only in the link."""
    mailed: Mapped[bool] = mapped_column(Boolean, default=False)
    """Whether the link went to the address by mail and was shown to nobody else."""
    inviter_id: Mapped[int | None] = mapped_column(Integer)
    invited_by: Mapped[str] = mapped_column(String(77))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    @property
    def subject(self) -> Subject:
        """The invitation as an entry names it."""
        return Subject(self.organisation_id, self.noun, self.id, self.email)

    def is_open(self, now: datetime) -> bool:
        """Whether it can be accepted or declined."""
        return self.used_at is None and self.expires_at > now

    def require_for(self, user: User, by_link: bool, now: datetime) -> None:
        """Raises NotFound when it is closed, Forbidden for another's address or one that nobody has proven.

        Anyone can sign up with someone else's address, so the account alone proves nothing. The link is held by whom
        it was sent to or handed to, and that together with the account of its address is enough to join; only a link
        that went out by mail proves the address for other purposes too, since its inviter never saw it.
        """
        db.session.refresh(self)
        if not self.is_open(now):
            raise NotFound(CLOSED)
        if user.email != self.email:
            raise Forbidden(f"This invitation is for {self.email}. Sign in with that account.")
        if by_link and self.mailed:
            user.verified_at = user.verified_at or now
        if not by_link and user.verified_at is None:
            raise Forbidden(UNPROVEN)

    def send_again(self, actor: Actor, now: datetime, by_mail: bool) -> str:
        """Make a new link, valid for seven days from now, and the old one worthless; returns the new token."""
        key = secrets.token_urlsafe(32)
        old, self.expires_at = self.expires_at, now + VALID_FOR
        self.token_hash, self.mailed = _digest(key), by_mail
        changes = {"expires": [f"{old:%Y-%m-%d %H:%M}", f"{self.expires_at:%Y-%m-%d %H:%M}"]}
        record(actor, Action.UPDATE, self.subject, changes, sentence=Sentence("Invitation of ", " sent again"))
        return f"{self.organisation_id}.{key}"

    def end(self, actor: Actor, how: str, now: datetime, cause: Record | int | None = None) -> None:
        """Close it, with an entry that says how: revoked, declined or expired."""
        self.close(now)
        changes = {"role": [self.role, None]}
        record(actor, Action.DELETE, self.subject, changes, cause, Sentence("Invitation of ", f" {how}"))

    def close(self, now: datetime) -> None:
        """Make the link worthless."""
        self.used_at = now


class Invited(NamedTuple):
    """An invitation and the token of its link, which nobody can read again."""

    invitation: Invitation
    token: str


def invite(organisation_id: int, actor: Actor, email: str, role: Role, now: datetime, by_mail: bool) -> Invited:
    """Invite an email address; earlier invitations of it are revoked by this one."""
    key = secrets.token_urlsafe(32)
    earlier = open_invitations(organisation_id, email)
    invitation = Invitation(
        organisation_id=organisation_id,
        email=email,
        role=role,
        token_hash=_digest(key),
        mailed=by_mail,
        inviter_id=actor.id,
        invited_by=actor.name,
        expires_at=now + VALID_FOR,
    )
    db.session.add(invitation)
    db.session.flush()
    sentence = Sentence("Invitation of ", f" as {role} sent")
    sent = record(actor, Action.CREATE, invitation.subject, {"role": [None, str(role)]}, sentence=sentence)
    for each in earlier:
        each.end(actor, "revoked", now, sent)
    return Invited(invitation, f"{organisation_id}.{key}")


def invitations(organisation_id: int, now: datetime) -> list[Invitation]:
    """Returns the newest open invitations, newest first."""
    mine = select(Invitation).where(Invitation.organisation_id == organisation_id, Invitation.used_at.is_(None))
    found = mine.where(Invitation.expires_at > now).order_by(Invitation.id.desc()).limit(LISTED_MOST)
    return list(db.session.scalars(found))


def open_invitations(organisation_id: int, email: str) -> list[Invitation]:
    """Returns the invitations of an address that nothing has closed, oldest first."""
    mine = select(Invitation).where(
        Invitation.organisation_id == organisation_id, Invitation.email == email, Invitation.used_at.is_(None)
    )
    return _fresh(mine)


def find_invitation(organisation_id: int, invitation_id: int) -> Invitation:
    """Returns one invitation, open or not. Raises NotFound."""
    found = db.session.get(Invitation, {"organisation_id": organisation_id, "id": invitation_id})
    if found is None:
        raise NotFound("This invitation does not exist.")
    return found


def find_by_token(token: str, now: datetime) -> Invitation:
    """Returns the open invitation that a link stands for; its token begins with the organisation. Raises NotFound."""
    organisation, _, key = token.partition(".")
    try:
        organisation_id = whole_number(organisation, INTEGER)
    except ValueError:
        raise NotFound(CLOSED) from None
    mine = select(Invitation).where(
        Invitation.organisation_id == organisation_id, Invitation.token_hash == _digest(key)
    )
    found = db.session.scalar(mine)
    if found is None or not found.is_open(now):
        raise NotFound(CLOSED)
    return found


def withdraw(organisation_id: int, user: User, now: datetime, cause: Record, addressed: bool) -> None:
    """Revoke what someone has sent, since they were removed or demoted; `addressed`: what was sent to them, too.

    Whoever was removed could otherwise come back by a link made before.
    """
    whose = Invitation.inviter_id == user.id
    if addressed:
        whose |= Invitation.email == user.email
    mine = select(Invitation).where(Invitation.organisation_id == organisation_id, Invitation.used_at.is_(None), whose)
    for each in _fresh(mine):
        each.end(SYSTEM, "revoked", now, cause)


def expired_in(organisation_id: int, now: datetime) -> list[Invitation]:
    """Returns the invitations of an organisation whose time is over and that no entry has closed yet."""
    due = select(Invitation).where(
        Invitation.organisation_id == organisation_id, Invitation.used_at.is_(None), Invitation.expires_at <= now
    )
    return _fresh(due.limit(LISTED_MOST))


def expire(each: Invitation, now: datetime) -> None:
    """Close an invitation whose time is over; its last entry is the cause."""
    each.end(SYSTEM, "expired", now, latest_number(each.organisation_id, each.noun, each.id))


def organisations_with_expired(now: datetime) -> list[int]:
    """Returns the organisations that have invitations to expire."""
    return list(db.session.scalars(text(EXPIRED), {"now": now}))


def _fresh(wanted: Select[Any]) -> list[Invitation]:
    # What this session has read before may be outdated: whoever asks holds the organisation only since then.
    return list(db.session.scalars(wanted.order_by(Invitation.id), execution_options={"populate_existing": True}))


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


EXPIRED = """
    SELECT DISTINCT organisation_id FROM invitations
      JOIN organisations ON organisations.id = organisation_id
     WHERE used_at IS NULL AND expires_at <= :now AND state IN ('active', 'suspended')
     ORDER BY organisation_id
"""
