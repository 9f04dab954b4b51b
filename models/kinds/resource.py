"""What the four project-level kinds share: handle, state, update, end."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import BigInteger, DateTime, Identity, Integer, String, func, select, text
from sqlalchemy.orm import Mapped, mapped_column

from models.billing import usage
from models.billing.usage import Usage
from models.database import db
from models.errors import AlreadyEnded, InUse, Invalid
from models.field import Field, Shape, column
from models.hold import hold_project
from models.log.actor import Actor
from models.log.record import PAST, Action, ProjectName, Record, Subject, record
from models.log.tracked import Tracked
from models.sealed import Sealed

LISTED_MOST = 5


class Resource(Tracked):
    """Something that lives in a project: a container, a memcached, a registry or a secret."""

    __abstract__ = True
    plural: ClassVar[str]
    """Its table and its word in addresses."""
    end_action: ClassVar[Action]
    called_by: ClassVar[str] = "handle"
    """The column that holds the name the log uses."""
    runs: ClassVar[bool] = False
    """Whether it runs and is paid for; see models/kinds/running.py."""
    USES: ClassVar[str] = "0, 0, 0"
    """`uses` in SQL, for many at once."""
    used_where: ClassVar[str] = ""
    """Which containers of its project use it, if any can: a condition with :handle."""

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    project_id: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(16), default="active")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    handle: Mapped[str] = column(
        String(51),
        Field(
            "Handle",
            Shape.HANDLE,
            most=51,
            fixed=True,
            hint="Lower-case letters, digits and hyphens. Permanent.",
        ),
    )

    @property
    def name(self) -> str:
        """What people call it."""
        return self.handle

    @property
    def subject(self) -> Subject:
        """The resource as an entry names it."""
        values = {"organisation": self.organisation_id, "project": self.project_id}
        return self.subject_in(str(db.session.execute(PROJECT_NAME, values).scalar_one()))

    def subject_in(self, project_name: str) -> Subject:
        """The same, for a verb that knows the project's name already."""
        project = ProjectName(self.project_id, project_name)
        return Subject(self.organisation_id, self.noun, self.id, getattr(self, self.called_by), project)

    @property
    def uses(self) -> Usage:
        """How much of what is paid for it takes while it is alive."""
        return Usage()

    def update(self, actor: Actor, version: int, **values: Any) -> None:
        """Change what differs; nothing differs, nothing happens.

        Raises AlreadyEnded, StaleVersion, Invalid, OrganisationSuspended, NotFound.
        """
        self.require_not_ended()
        self.require_version(version)
        project_name = hold_project(self.organisation_id, self.project_id)
        before = self.uses
        if changes := self.assign(values):
            self.require_references()
            usage.change(self.organisation_id, self.uses.minus(before))
            self.changed(changes, record(actor, Action.UPDATE, self.subject_in(project_name), changes))

    def end(self, actor: Actor) -> None:
        """Terminate or delete it, and forget what it kept sealed. Raises AlreadyEnded, InUse, StaleVersion."""
        self.require_not_ended()
        self.require_unused()
        self.state = PAST[self.end_action]
        self.ended_at = datetime.now(UTC)
        for name in self.sealed():
            setattr(self, name, "")
        db.session.flush()  # who lost the race for it has freed nothing
        usage.change(self.organisation_id, Usage().minus(self.uses))
        record(actor, self.end_action, self.subject)

    def created(self, cause: Record) -> None:
        """What follows from its creation, for the kinds that run."""

    def changed(self, names: Iterable[str], cause: Record) -> None:
        """What follows from a change of these fields, for the kinds that run."""

    def require_not_ended(self) -> None:
        """Raises AlreadyEnded."""
        if self.ended_at is not None:
            raise AlreadyEnded(f"{self.noun.capitalize()} {self.name} was already {PAST[self.end_action]}.")

    def require_references(self) -> None:
        """What it refers to must exist in its project, and stays until COMMIT. Raises Invalid."""
        for name, declared in self.fields().items():
            if declared.refers_to and (wanted := getattr(self, name)):
                handles = [wanted] if declared.shape is Shape.REFERENCE else wanted
                values = {
                    "organisation": self.organisation_id,
                    "project": self.project_id,
                    "handles": handles,
                }
                found = set(db.session.execute(REFERRED[declared.refers_to], values).scalars())
                if missing := [each for each in handles if each not in found]:
                    raise Invalid(f"There is no {', '.join(missing)} in this project any more.", name)

    def require_unused(self) -> None:
        """Raises InUse, naming who uses it.

        Locked first, in a statement of its own: whoever links it at this moment holds it FOR SHARE, and is seen by the
        second statement once it has committed.
        """
        if not self.used_where:
            return
        kind = type(self)
        db.session.execute(
            select(kind.id).where(kind.organisation_id == self.organisation_id, kind.id == self.id).with_for_update()
        )
        if users := self.used_by():
            raise InUse(f"{self.noun.capitalize()} {self.name} is used by {listed(users)}. Remove it there first.")

    def used_by(self) -> list[str]:
        """Names of the containers that use it."""
        if not self.used_where:
            return []
        users = text(f"""
            SELECT name FROM containers
             WHERE organisation_id = :organisation AND project_id = :project AND ended_at IS NULL
               AND {self.used_where} ORDER BY name
        """)  # noqa: S608 (a constant of the class)
        values = {"organisation": self.organisation_id, "project": self.project_id, "handle": self.handle}
        return list(db.session.execute(users, values).scalars())

    @classmethod
    def sealed(cls) -> list[str]:
        """The fields that are encrypted at rest."""
        return [name for name in cls.fields() if isinstance(cls.__table__.c[name].type, Sealed)]


def listed(names: list[str]) -> str:
    """ "api, auth and 7 more": as many names as one reads."""
    more = len(names) - LISTED_MOST
    return ", ".join(names[:LISTED_MOST]) + (f" and {more:,} more" if more > 0 else "")


def alive(kind: type[Resource], organisation_id: int, project_id: int, handle: str) -> Resource | None:
    """The resource that bears the handle now, else the one that bore it last: handles are free again after the end."""
    mine = select(kind).where(
        kind.organisation_id == organisation_id, kind.project_id == project_id, kind.handle == handle
    )
    return db.session.scalar(mine.where(kind.ended_at.is_(None))) or db.session.scalar(
        mine.where(kind.ended_at.is_not(None)).order_by(kind.id.desc()).limit(1)
    )


PROJECT_NAME = text("SELECT name FROM projects WHERE organisation_id = :organisation AND id = :project")
# Locked against deletion until COMMIT: a secret deleted at the same moment waits and then finds its new user.
REFERRED = {
    table: text(f"""
        SELECT handle FROM {table}
         WHERE organisation_id = :organisation AND project_id = :project AND handle = ANY(:handles)
           AND ended_at IS NULL
         ORDER BY id FOR SHARE
    """)  # noqa: S608 (the table's name is one of two constants)
    for table in ("registries", "secrets")
}
