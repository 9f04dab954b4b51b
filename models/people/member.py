"""Who belongs to an organisation, in which role, and who is invited."""

import hashlib
import secrets
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, Integer, LargeBinary, String, func, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.database import Model, add, db
from models.errors import AlreadyMember, Forbidden, Invalid, LastOwner, NotFound
from models.hold import hold_organisation_alone
from models.log.actor import Actor
from models.log.record import Action, Sentence, Subject, record
from models.log.tracked import Tracked
from models.people.access import Role
from models.people.user import User, by_email, checked_email

INVITATION_DAYS = 7
NO_MEMBER = "This person is not a member of the organisation."


class Membership(Tracked):
    """A person in an organisation, in one role. The log calls it a user."""

    __tablename__ = "memberships"
    noun = "user"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), primary_key=True)
    role: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    user: Mapped[User] = relationship(lazy="joined", innerjoin=True)

    @property
    def subject(self) -> Subject:
        """The member as an entry names them."""
        return Subject(self.organisation_id, self.noun, self.user_id, self.user.name)

    def change_role(self, actor: Actor, role: str) -> None:
        """Give another role; the same one changes nothing. Raises Forbidden, LastOwner, Invalid, NotFound."""
        new = checked_role(role)
        hold_organisation_alone(self.organisation_id)
        require_still(actor, self.organisation_id)
        self._see_present()
        old = self.role
        if new == old:
            return
        require_may_grant(actor, Role(old))
        require_may_grant(actor, new)
        self._require_another_owner("Make someone else owner first: an organisation keeps at least one.")
        self.role = new
        sentence = Sentence("User ", f"'s role changed from {old} to {new}")
        record(actor, Action.UPDATE, self.subject, {"role": [old, str(new)]}, sentence=sentence)

    def remove(self, actor: Actor) -> None:
        """Take the person out; one may leave by oneself. Raises Forbidden, LastOwner, NotFound."""
        hold_organisation_alone(self.organisation_id)
        require_still(actor, self.organisation_id)
        self._see_present()
        if actor.id != self.user_id:
            require_may_grant(actor, Role(self.role))
        self._require_another_owner("The last owner cannot leave. Make someone else owner first.")
        db.session.delete(self)
        record(
            actor,
            Action.DELETE,
            self.subject,
            {"role": [self.role, None]},
            sentence=Sentence("User ", " removed"),
        )

    def _see_present(self) -> None:
        mine = {"organisation_id": self.organisation_id, "user_id": self.user_id}
        if db.session.get(Membership, mine, populate_existing=True) is None:
            raise NotFound(NO_MEMBER)  # removed by someone else a moment ago

    def _require_another_owner(self, complaint: str) -> None:
        # The organisation's row is held exclusively, so two owners cannot demote each other at the same moment.
        if self.role == Role.OWNER:
            owners = select(func.count()).where(
                Membership.organisation_id == self.organisation_id, Membership.role == Role.OWNER
            )
            if db.session.scalar(owners) == 1:
                raise LastOwner(complaint)


class Invitation(Model):
    """A way in for someone without an account: a link, valid seven days, for a single use."""

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

    def accept(self, user: User, actor: Actor) -> Membership:
        """Join the organisation. Raises NotFound when used up or expired, Forbidden for another email."""
        hold_organisation_alone(self.organisation_id)
        db.session.refresh(self)
        if not self.is_open:
            raise NotFound("This invitation has expired or was used. Ask for a new one.")
        if user.email != self.email:
            raise Forbidden(f"This invitation is for {self.email}. Sign in with that account.")
        self.used_at = datetime.now(UTC)
        sentence = Sentence("User ", f" added as {self.role}, invited by {self.invited_by}")
        return _join(self.organisation_id, actor, user, Role(self.role), sentence)

    @property
    def is_open(self) -> bool:
        """Whether the link still works."""
        return self.used_at is None and self.expires_at > datetime.now(UTC)

    def close(self) -> None:
        """Make the link worthless."""
        self.used_at = datetime.now(UTC)


class Invited(NamedTuple):
    """A new invitation and its token, which nobody can read again."""

    invitation: Invitation
    token: str


def add_member(organisation_id: int, actor: Actor, email: str, role: str) -> Membership | Invited:
    """Let someone in: at once if they have an account, else by an invitation.

    Raises AlreadyMember, Forbidden, Invalid, NotFound.
    """
    email, granted = checked_email(email), checked_role(role)
    hold_organisation_alone(organisation_id)
    require_still(actor, organisation_id)
    require_may_grant(actor, granted)
    user = by_email(email)
    if user is None:
        return _invite(organisation_id, actor, email, granted)
    return _join(organisation_id, actor, user, granted, Sentence("User ", f" added as {granted}"))


def found_membership(organisation_id: int, user: User) -> Membership:
    """The creator of an organisation becomes its owner; told by the organisation's own entry."""
    membership = Membership(organisation_id=organisation_id, user_id=user.id, user=user, role=Role.OWNER)
    add(membership, AlreadyMember(f"{user.name} is a member already."))
    return membership


def members(organisation_id: int) -> list[Membership]:
    """Everyone in the organisation, by name."""
    mine = select(Membership).join(Membership.user).where(Membership.organisation_id == organisation_id)
    return list(db.session.scalars(mine.order_by(User.name, User.id)))


def find_member(organisation_id: int, user_id: int) -> Membership:
    """One member. Raises NotFound."""
    found = db.session.get(Membership, {"organisation_id": organisation_id, "user_id": user_id})
    if found is None:
        raise NotFound(NO_MEMBER)
    return found


def invitations(organisation_id: int) -> list[Invitation]:
    """The invitations whose link still works, newest first."""
    mine = select(Invitation).where(Invitation.organisation_id == organisation_id, Invitation.used_at.is_(None))
    found = db.session.scalars(mine.order_by(Invitation.id.desc()).limit(200))
    return [each for each in found if each.is_open]


def find_invitation(organisation_id: int, token: str) -> Invitation:
    """The invitation a link stands for. Raises NotFound."""
    mine = select(Invitation).where(
        Invitation.organisation_id == organisation_id, Invitation.token_hash == _digest(token)
    )
    found = db.session.scalar(mine)
    if found is None or not found.is_open:
        raise NotFound("This invitation has expired or was used. Ask for a new one.")
    return found


def revoke(organisation_id: int, invitation_id: int) -> None:
    """Make an invitation's link worthless; twice is fine. Raises NotFound."""
    found = db.session.get(Invitation, {"organisation_id": organisation_id, "id": invitation_id})
    if found is None:
        raise NotFound("This invitation does not exist.")
    if found.is_open:
        found.close()


def require_still(actor: Actor, organisation_id: int) -> None:
    """The actor's role may have changed while they waited for the organisation. Raises Forbidden."""
    mine = select(Membership.role).where(Membership.organisation_id == organisation_id, Membership.user_id == actor.id)
    if db.session.scalar(mine) != actor.role:
        raise Forbidden("Your role in this organisation was changed just now. Reload the page.")


def require_may_grant(actor: Actor, role: Role) -> None:
    """Only owners make, change and remove owners. Raises Forbidden."""
    if role is Role.OWNER and actor.role != Role.OWNER:
        raise Forbidden("Only an owner can make, change or remove an owner.")


def checked_role(role: str) -> Role:
    """Raises Invalid."""
    try:
        return Role(role)
    except ValueError:
        raise Invalid(f"Choose one of {', '.join(Role)}.", "role") from None


def _invite(organisation_id: int, actor: Actor, email: str, role: Role) -> Invited:
    token = secrets.token_urlsafe(32)
    invitation = Invitation(
        organisation_id=organisation_id,
        email=email,
        role=role,
        token_hash=_digest(token),
        invited_by=actor.name,
        expires_at=datetime.now(UTC) + timedelta(days=INVITATION_DAYS),
    )
    _close_earlier(organisation_id, email)
    db.session.add(invitation)
    return Invited(invitation, token)


def _join(organisation_id: int, actor: Actor, user: User, role: Role, sentence: Sentence) -> Membership:
    membership = Membership(organisation_id=organisation_id, user_id=user.id, user=user, role=role)
    add(membership, AlreadyMember(f"{user.name} is a member already."))
    _close_earlier(organisation_id, user.email)
    record(actor, Action.CREATE, membership.subject, {"role": [None, str(role)]}, sentence=sentence)
    return membership


def _close_earlier(organisation_id: int, email: str) -> None:
    """Only the newest way in works, and none is left for someone who is in: else they could come back once removed."""
    mine = select(Invitation).where(
        Invitation.organisation_id == organisation_id, Invitation.email == email, Invitation.used_at.is_(None)
    )
    for earlier in db.session.scalars(mine):
        earlier.close()


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
