"""An organisation: the owner of projects, members, a balance, and a log."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import DateTime, Identity, Integer, String, func, select
from sqlalchemy.orm import Mapped, mapped_column

from models import quotas
from models.billing import usage
from models.billing.account import open_account
from models.billing.payment import require_none_under_way
from models.database import add, db
from models.errors import ConfirmationMismatch, HandleTaken, NotFound
from models.field import NAME_MOST, Field, Shape, column
from models.hold import change_state, hold_organisation_alone, require_active
from models.jobs import job
from models.log.actor import Actor
from models.log.feed import OrganisationName
from models.log.record import Action, Subject, open_log, record
from models.log.tracked import Tracked
from models.people.invitation import CLOSED, LISTED_MOST, Invitation, find_by_token
from models.people.member import Membership, add_founder
from models.people.user import EMAIL_MOST, User, checked_email
from models.project import Project, create_project, find_project


class Organisation(Tracked):
    """A tenant of the platform; its handle is permanent and never released."""

    __tablename__ = "organisations"
    noun = "organisation"

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    state: Mapped[str] = mapped_column(String(16), default="active")
    """active, suspended, deleting (the cascade runs) or deleted."""
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    name: Mapped[str] = column(String(77), Field("Name", most=NAME_MOST))
    handle: Mapped[str] = column(
        String(51),
        Field(
            "Handle",
            Shape.HANDLE,
            most=51,
            fixed=True,
            hint="Part of every address. Permanent, never released.",
        ),
    )
    email: Mapped[str] = column(String(254), Field("Contact email", most=EMAIL_MOST, most_bytes=EMAIL_MOST))

    @property
    def subject(self) -> Subject:
        """The organisation as an entry names it."""
        return Subject(self.id, self.noun, self.id, self.name)

    @property
    def named(self) -> OrganisationName:
        """The organisation as rows of a feed name it."""
        return OrganisationName(self.id, self.handle, self.name)

    def create_project(self, actor: Actor, **values: Any) -> Project:
        """Add a project. Raises HandleTaken, Invalid, OrganisationSuspended, NotFound, QuotaReached."""
        return create_project(self.id, actor, **values)

    def find_project(self, handle: str) -> Project:
        """Returns one of its projects, deleted or not. Raises NotFound."""
        return find_project(self.id, handle)

    def update(self, actor: Actor, version: int, **values: Any) -> None:
        """Change name or contact email. Raises StaleVersion, Invalid, OrganisationSuspended, NotFound.

        The organisation is not held: two who held it FOR SHARE would wait for each other's UPDATE. The version decides.
        """
        self.require_version(version)
        require_active(self.state)
        if "email" in values:
            values["email"] = checked_email(values["email"])
        if changes := self.assign(values):
            record(actor, Action.UPDATE, self.subject, changes)

    def delete(self, actor: Actor, confirm: str) -> None:
        """Delete it at once for everyone; a job ends what lives in it.

        Raises ConfirmationMismatch, NotFound, PaymentUnderWay.
        """
        if confirm.strip() != self.handle:
            raise ConfirmationMismatch(f"Type {self.handle} to confirm.")
        held = hold_organisation_alone(self.id)
        require_none_under_way(held.id)
        now = datetime.now(UTC)
        usage.charge(held.id, usage.full_minute(now))
        job.stop(held.id)
        change_state(held.id, held.state, "deleting", now)
        db.session.refresh(self)  # renamed, suspended or resumed since it was read: no reason to refuse
        deletion = record(actor, Action.DELETE, self.subject)
        job.enqueue(job.Work.DELETE_ORGANISATION, deletion)


class Belonging(NamedTuple):
    """An organisation someone belongs to, and their role in it."""

    organisation: Organisation
    membership: Membership


def create_organisation(user: User, actor: Actor, **values: Any) -> Organisation:
    """Found an organisation, whose first owner is its creator. Raises HandleTaken, Invalid, QuotaReached."""
    quotas.require_room(quotas.ORGANISATIONS, user.id, datetime.now(UTC))
    organisation = Organisation(state="active")
    values["email"] = checked_email(values.get("email", ""))
    changes = organisation.fill(values)
    taken = f"The handle “{organisation.handle}” is taken. Choose another one; handles are never released."
    add(organisation, HandleTaken(taken))
    open_log(organisation.id)
    open_account(organisation.id)
    add_founder(organisation.id, user)
    record(actor, Action.CREATE, organisation.subject, changes)
    return organisation


def belongings(user_id: int) -> list[Belonging]:
    """Returns the organisations someone belongs to, by name, deleted ones last."""
    mine = (
        select(Organisation, Membership)
        .join(Membership, Membership.organisation_id == Organisation.id)
        .where(Membership.user_id == user_id)
        .order_by(Organisation.state == "deleted", Organisation.name)
    )
    return [Belonging(*row) for row in db.session.execute(mine)]


def find_organisation(organisation_id: int) -> Organisation:
    """Returns an organisation, deleted or not. Raises NotFound."""
    found = db.session.get(Organisation, organisation_id)
    if found is None:
        raise NotFound("This organisation does not exist.")
    return found


def by_handle(handle: str) -> Organisation | None:
    """Returns the organisation with this handle, whoever asks; None when there is none."""
    return db.session.scalar(select(Organisation).where(Organisation.handle == handle))


def find_open_invitation(token: str, now: datetime) -> tuple[Organisation, Invitation]:
    """Returns what an invitation's link stands for. Raises NotFound, also when the organisation is being deleted."""
    found = find_by_token(token, now)
    organisation = find_organisation(found.organisation_id)
    if organisation.state not in ("active", "suspended"):
        raise NotFound(CLOSED)
    return organisation, found


def open_invitations_of(user_id: int, now: datetime) -> list[tuple[Organisation, Invitation]]:
    """Returns the open invitations of someone's address, newest first; none before they have proven the address."""
    mine = (
        select(Organisation, Invitation)
        .join(Invitation, Invitation.organisation_id == Organisation.id)
        .join(User, User.email == Invitation.email)
        .where(User.id == user_id, User.verified_at.is_not(None), Organisation.state.in_(("active", "suspended")))
        .where(Invitation.used_at.is_(None), Invitation.expires_at > now)
        .order_by(Invitation.created_at.desc())
        .limit(LISTED_MOST)
    )
    return [(organisation, invitation) for organisation, invitation in db.session.execute(mine)]
