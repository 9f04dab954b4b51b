"""Invitations: a way in for someone who has no account yet."""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import BigInteger, DateTime, Identity, Integer, LargeBinary, String, func, select
from sqlalchemy.orm import Mapped, mapped_column

from models.database import Model, db
from models.errors import Forbidden, NotFound
from models.log.actor import Actor
from models.people.access import Role

VALID_FOR = timedelta(days=7)
LISTED_MOST = 200
CLOSED = "This invitation has expired or was used. Ask for a new one."


class Invitation(Model):
    """A link, valid for seven days and a single use, that lets one email address into an organisation."""

    __tablename__ = "invitations"

    organisation_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    email: Mapped[str] = mapped_column(String(254))
    role: Mapped[str] = mapped_column(String(16))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 of the token; the token itself is only in the link."""
    invited_by: Mapped[str] = mapped_column(String(77))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    @property
    def is_open(self) -> bool:
        """Whether the link still works."""
        return self.used_at is None and self.expires_at > datetime.now(UTC)

    def use(self, email: str) -> None:
        """Use it up for the person with this email. Raises NotFound when it is closed, Forbidden for another email."""
        db.session.refresh(self)
        if not self.is_open:
            raise NotFound(CLOSED)
        if email != self.email:
            raise Forbidden(f"This invitation is for {self.email}. Sign in with that account.")
        self.close()

    def close(self) -> None:
        """Make the link worthless."""
        self.used_at = datetime.now(UTC)


class Invited(NamedTuple):
    """A new invitation and its token, which nobody can read again."""

    invitation: Invitation
    token: str


def invite(organisation_id: int, actor: Actor, email: str, role: Role) -> Invited:
    """Make a link for an email address; earlier links for it are worthless from now on."""
    token = secrets.token_urlsafe(32)
    close_invitations(organisation_id, email)
    invitation = Invitation(
        organisation_id=organisation_id,
        email=email,
        role=role,
        token_hash=_digest(token),
        invited_by=actor.name,
        expires_at=datetime.now(UTC) + VALID_FOR,
    )
    db.session.add(invitation)
    return Invited(invitation, token)


def invitations(organisation_id: int) -> list[Invitation]:
    """Returns the newest invitations whose link still works, newest first."""
    mine = select(Invitation).where(Invitation.organisation_id == organisation_id, Invitation.used_at.is_(None))
    found = db.session.scalars(mine.order_by(Invitation.id.desc()).limit(LISTED_MOST))
    return [each for each in found if each.is_open]


def find_invitation(organisation_id: int, token: str) -> Invitation:
    """Returns the invitation that a link stands for. Raises NotFound, also when it is closed."""
    mine = select(Invitation).where(
        Invitation.organisation_id == organisation_id, Invitation.token_hash == _digest(token)
    )
    found = db.session.scalar(mine)
    if found is None or not found.is_open:
        raise NotFound(CLOSED)
    return found


def revoke(organisation_id: int, invitation_id: int) -> None:
    """Make an invitation's link worthless; doing so twice is fine. Raises NotFound."""
    found = db.session.get(Invitation, {"organisation_id": organisation_id, "id": invitation_id})
    if found is None:
        raise NotFound("This invitation does not exist.")
    if found.is_open:
        found.close()


def close_invitations(organisation_id: int, email: str) -> None:
    """Close every link for an email address: only the newest works, and none is left for someone who is in.

    Whoever was removed could otherwise come back by an old one.
    """
    mine = select(Invitation).where(
        Invitation.organisation_id == organisation_id, Invitation.email == email, Invitation.used_at.is_(None)
    )
    for earlier in db.session.scalars(mine):
        earlier.close()


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
