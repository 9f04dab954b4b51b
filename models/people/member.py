"""Who belongs to an organisation, and in which role."""

from datetime import UTC, datetime

from sqlalchemy import DateTime, ForeignKey, String, func, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models import quotas
from models.database import add, db
from models.errors import AlreadyMember, Forbidden, Invalid, LastOwner, NotFound
from models.hold import has_ended, hold_organisation_alone
from models.log.actor import Actor, Door
from models.log.entry import latest_number
from models.log.record import SECOND, Action, PersonName, Record, Sentence, Subject, record
from models.log.tracked import Owned
from models.people.access import GRANTS, OWNERS_TO_GRANT, Role
from models.people.invitation import (
    Invitation,
    Invited,
    expire,
    expired_in,
    find_invitation,
    invite,
    open_invitations,
    withdraw,
)
from models.people.user import User, checked_email

NO_MEMBER = "This person is not a member of the organisation."


class Membership(Owned):
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
        """Give another role; giving the present one changes nothing. Raises Forbidden, LastOwner, Invalid, NotFound."""
        new = checked_role(role)
        hold_organisation_alone(self.organisation_id)
        require_still(actor, self.organisation_id)
        self._require_present()
        old = self.role
        if new == old:
            return
        require_may_grant(actor, Role(old))
        require_may_grant(actor, new)
        self._require_another_owner("Make someone else owner first: an organisation keeps at least one.")
        self.role = new
        sentence = Sentence("User ", f"'s role changed from {old} to {new}")
        changed = record(actor, Action.UPDATE, self.subject, {"role": [old, str(new)]}, sentence=sentence)
        if not GRANTS[new] >= GRANTS[Role(old)]:
            withdraw(self.organisation_id, self.user, datetime.now(UTC), changed, addressed=False)

    def remove(self, actor: Actor) -> None:
        """Take the person out of the organisation; everyone may leave. Raises Forbidden, LastOwner, NotFound."""
        if actor.id == self.user_id and has_ended(self.organisation_id):
            self._leave_for_good(actor)
            return
        hold_organisation_alone(self.organisation_id)
        require_still(actor, self.organisation_id)
        self._require_present()
        if actor.id != self.user_id:
            require_may_grant(actor, Role(self.role))
        self._require_another_owner("The last owner cannot leave. Make someone else owner first.")
        removed = self._delete(actor)
        withdraw(self.organisation_id, self.user, datetime.now(UTC), removed, addressed=True)

    def _leave_for_good(self, actor: Actor) -> None:
        # Of what is deleted nobody manages the members, so the last owner may go too, and invitations open nothing. Of
        # two who leave at once as the same person, the version of the row refuses the second.
        self._require_present()
        self._delete(actor)

    def _delete(self, actor: Actor) -> Record:
        db.session.delete(self)
        changes = {"role": [self.role, None]}
        return record(actor, Action.DELETE, self.subject, changes, sentence=Sentence("User ", " removed"))

    def _require_present(self) -> None:
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


def invite_member(
    organisation_id: int, actor: Actor, email: str, role: str, now: datetime, by_mail: bool = False
) -> Invited:
    """Invite someone, whether there is an account for the address or not: nobody joins without accepting.

    Raises AlreadyMember, Forbidden, Invalid, NotFound, QuotaReached.
    """
    email, granted = checked_email(email), checked_role(role)
    hold_organisation_alone(organisation_id)
    require_still(actor, organisation_id)
    require_may_grant(actor, granted)
    if _is_member(organisation_id, email):
        raise AlreadyMember(f"{email} belongs to a member already.")
    quotas.require_room(quotas.MEMBERS, organisation_id, now)
    for earlier in open_invitations(organisation_id, email):
        require_may_grant(actor, Role(earlier.role))
    return invite(organisation_id, actor, email, granted, now, by_mail)


def resend_invitation(
    organisation_id: int, actor: Actor, invitation_id: int, now: datetime, by_mail: bool = False
) -> Invited:
    """Make a new link for an invitation, and the old one worthless. Raises Forbidden, NotFound."""
    found = _held(organisation_id, actor, invitation_id)
    if found.used_at is not None:
        raise NotFound("This invitation was accepted, declined or revoked. Make a new one.")
    return Invited(found, found.send_again(actor, now, by_mail))


def revoke_invitation(organisation_id: int, actor: Actor, invitation_id: int, now: datetime) -> None:
    """Make an invitation's link worthless; one that is closed already stays so. Raises Forbidden, NotFound."""
    found = _held(organisation_id, actor, invitation_id)
    if found.used_at is None:
        found.end(actor, "revoked", now)


def accept_invitation(
    invitation: Invitation, user: User, actor: Actor, now: datetime, by_link: bool = True
) -> Membership:
    """Join by an invitation; its latest entry is the cause. Raises AlreadyMember, Forbidden, NotFound."""
    organisation_id = invitation.organisation_id
    hold_organisation_alone(organisation_id)
    invitation.require_for(user, by_link, now)
    role = Role(invitation.role)
    membership = Membership(organisation_id=organisation_id, user_id=user.id, user=user, role=role)
    add(membership, AlreadyMember("You are a member already."))
    invitation.close(now)
    cause = latest_number(organisation_id, Invitation.noun, invitation.id)
    inviter = PersonName(invitation.inviter_id, invitation.invited_by)
    sentence = Sentence("User ", f" added as {role}, invited by {SECOND}", [inviter])
    record(actor, Action.CREATE, membership.subject, {"role": [None, str(role)]}, cause, sentence)
    return membership


def decline_invitation(invitation: Invitation, user: User, now: datetime, by_link: bool = True) -> None:
    """Turn an invitation down. Raises Forbidden, NotFound.

    The entry calls the person by their address, which is all that the organisation knows of them: whoever declines
    need not tell it their name.
    """
    hold_organisation_alone(invitation.organisation_id)
    invitation.require_for(user, by_link, now)
    invitation.end(Actor(user.id, user.email, None, Door.WEB), "declined", now)


def expire_invitations(organisation_id: int, now: datetime) -> int:
    """Close the invitations of an organisation whose time is over, by "system"; returns how many. Raises NotFound."""
    hold_organisation_alone(organisation_id)
    due = expired_in(organisation_id, now)
    for each in due:
        expire(each, now)
    return len(due)


def add_founder(organisation_id: int, user: User) -> Membership:
    """Make the creator of an organisation its owner; the organisation's own entry says so."""
    membership = Membership(organisation_id=organisation_id, user_id=user.id, user=user, role=Role.OWNER)
    add(membership, AlreadyMember(f"{user.name} is a member already."))
    return membership


def members(organisation_id: int) -> list[Membership]:
    """Returns everyone in the organisation, by name."""
    mine = select(Membership).join(Membership.user).where(Membership.organisation_id == organisation_id)
    return list(db.session.scalars(mine.order_by(User.name, User.id)))


def find_member(organisation_id: int, user_id: int) -> Membership:
    """Returns one member. Raises NotFound."""
    found = db.session.get(Membership, {"organisation_id": organisation_id, "user_id": user_id})
    if found is None:
        raise NotFound(NO_MEMBER)
    return found


def require_still(actor: Actor, organisation_id: int) -> None:
    """Raises Forbidden when the actor's role was changed while they waited for the organisation."""
    mine = select(Membership.role).where(Membership.organisation_id == organisation_id, Membership.user_id == actor.id)
    if db.session.scalar(mine) != actor.role:
        raise Forbidden("Your role in this organisation was changed just now. Reload the page.")


def require_may_grant(actor: Actor, role: Role) -> None:
    """Raises Forbidden unless the actor may give or take the role.

    Only owners make, change and remove owners; and auditors, who see the money that an admin does not.
    """
    if role in OWNERS_TO_GRANT and actor.role != Role.OWNER:
        raise Forbidden("Only an owner can make, change or remove an owner or an auditor.")


def checked_role(role: str) -> Role:
    """Returns the role of that name. Raises Invalid."""
    try:
        return Role(role)
    except ValueError:
        raise Invalid(f"Choose one of {', '.join(Role)}.", "role") from None


def _is_member(organisation_id: int, email: str) -> bool:
    mine = select(User.id).join(Membership, Membership.user_id == User.id)
    mine = mine.where(Membership.organisation_id == organisation_id, User.email == email)
    return db.session.scalar(mine) is not None


def _held(organisation_id: int, actor: Actor, invitation_id: int) -> Invitation:
    hold_organisation_alone(organisation_id)
    require_still(actor, organisation_id)
    found = find_invitation(organisation_id, invitation_id)
    db.session.refresh(found)
    require_may_grant(actor, Role(found.role))
    return found
