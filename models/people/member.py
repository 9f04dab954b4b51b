"""Who belongs to an organisation, and in which role."""

from datetime import datetime

from sqlalchemy import DateTime, ForeignKey, String, func, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.database import add, db
from models.errors import AlreadyMember, Forbidden, Invalid, LastOwner, NotFound
from models.hold import hold_organisation_alone
from models.log.actor import Actor
from models.log.record import Action, Sentence, Subject, record
from models.log.tracked import Owned
from models.people.access import OWNERS_TO_GRANT, Role
from models.people.invitation import Invitation, Invited, close_invitations, invite
from models.people.user import User, by_email, checked_email

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
        record(actor, Action.UPDATE, self.subject, {"role": [old, str(new)]}, sentence=sentence)

    def remove(self, actor: Actor) -> None:
        """Take the person out of the organisation; everyone may leave. Raises Forbidden, LastOwner, NotFound."""
        hold_organisation_alone(self.organisation_id)
        require_still(actor, self.organisation_id)
        self._require_present()
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


def add_member(organisation_id: int, actor: Actor, email: str, role: str) -> Membership | Invited:
    """Let someone in: at once if they have an account, otherwise by an invitation.

    Raises AlreadyMember, Forbidden, Invalid, NotFound.
    """
    email, granted = checked_email(email), checked_role(role)
    hold_organisation_alone(organisation_id)
    require_still(actor, organisation_id)
    require_may_grant(actor, granted)
    user = by_email(email)
    if user is None:
        return invite(organisation_id, actor, email, granted)
    return _join(organisation_id, actor, user, granted, Sentence("User ", f" added as {granted}"))


def accept_invitation(invitation: Invitation, user: User, actor: Actor) -> Membership:
    """Join by an invitation. Raises NotFound when it is used up or has expired, Forbidden for another email."""
    hold_organisation_alone(invitation.organisation_id)
    invitation.use(user.email)
    sentence = Sentence("User ", f" added as {invitation.role}, invited by {invitation.invited_by}")
    return _join(invitation.organisation_id, actor, user, Role(invitation.role), sentence)


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


def _join(organisation_id: int, actor: Actor, user: User, role: Role, sentence: Sentence) -> Membership:
    membership = Membership(organisation_id=organisation_id, user_id=user.id, user=user, role=role)
    add(membership, AlreadyMember(f"{user.name} is a member already."))
    close_invitations(organisation_id, user.email)
    record(actor, Action.CREATE, membership.subject, {"role": [None, str(role)]}, sentence=sentence)
    return membership
