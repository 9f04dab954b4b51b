"""What all kinds share: handle and state, being updated, being ended."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Any, ClassVar, NamedTuple, TypeVar

from sqlalchemy import BigInteger, DateTime, Identity, Integer, String, func, select, text
from sqlalchemy.orm import Mapped, mapped_column

from models.billing import usage
from models.billing.usage import Usage
from models.database import db
from models.errors import AlreadyEnded
from models.field import Field, Shape, column
from models.hold import hold_project
from models.kinds import restoring
from models.kinds.references import Linked, require_existing, require_unused
from models.kinds.restoring import Reference
from models.log.actor import Actor
from models.log.record import PAST, Action, Changes, ProjectName, Record, Sentence, Subject, record
from models.log.tracked import Owned
from models.sealed import Sealed

Kind = TypeVar("Kind", bound="Resource")


class Fact(NamedTuple):
    """Something about a resource, as its page shows it."""

    label: str
    value: str
    exact: bool = False
    """Whether it is meant to be copied character by character."""
    linked: tuple[Linked, ...] = ()
    """What it names, where that has a page of its own."""


class Resource(Owned):
    """Something that lives in a project. Each kind is a subclass, declared in a file of its own."""

    __abstract__ = True
    plural: ClassVar[str]
    """Its table, its word in addresses, and what several of it are called."""
    end_action: ClassVar[Action]
    """TERMINATE or DELETE."""
    icon: ClassVar[str]
    """The icon that stands for it, by its name in lucide."""
    blurb: ClassVar[str]
    """A sentence that says what it is, to someone who has none yet."""
    called_by: ClassVar[str] = "handle"
    """The column whose value names it in the log."""
    runs: ClassVar[bool] = False
    """Whether the engine runs it; models/kinds/running.py."""
    USES: ClassVar[str] = "0, 0, 0"
    """What `uses` returns, as SQL, for many resources at once."""
    DETAIL: ClassVar[str]
    """What distinguishes it from its neighbours in a list, as SQL."""

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
        """The name that people know it by."""
        return self.handle

    @property
    def facts(self) -> list[Fact]:
        """What its page shows: every field that has a value, except its name and what is sealed."""
        shown = [name for name in self.fields() if name != "name" and name not in self.sealed()]
        facts = [self._fact(self.fields()[name], getattr(self, name)) for name in shown]
        return [each for each in facts if each.value]

    @staticmethod
    def _fact(declared: Field, value: Any) -> Fact:
        handles = value if isinstance(value, list) else [value] if value else []
        linked = tuple(Linked(each, each, declared.refers_to) for each in handles if declared.refers_to)
        return Fact(declared.label, _written(value), linked=linked)

    @property
    def subject(self) -> Subject:
        """What an entry says it is about."""
        values = {"organisation": self.organisation_id, "project": self.project_id}
        return self.subject_in(str(db.session.execute(PROJECT_NAME, values).scalar_one()))

    def subject_in(self, project_name: str) -> Subject:
        """Returns what an entry says it is about, for a caller that knows the project's name."""
        project = ProjectName(self.project_id, project_name)
        return Subject(self.organisation_id, self.noun, self.id, getattr(self, self.called_by), project)

    @property
    def uses(self) -> Usage:
        """How much of each item on the price list it uses while it is alive."""
        return Usage()

    @classmethod
    def counted(cls) -> str:
        """Returns how much of it is paid for now, as SQL for many resources at once."""
        return cls.USES

    def count(self, by: Usage) -> None:
        """Notes that it uses more or less from now on: what does not run is used as long as it exists."""
        usage.change(self.organisation_id, by)

    def count_no_more(self) -> None:
        """Notes, once it has ended, that nothing of it is used any more."""
        self.count(Usage().minus(self.uses))

    def update(self, actor: Actor, version: int, **values: Any) -> None:
        """Changes the fields whose values differ; records nothing when none does.

        Raises AlreadyEnded, StaleVersion, Invalid, OrganisationSuspended, NotFound.
        """
        self.require_not_ended()
        self.require_version(version)
        self._change(actor, values)

    def restore(self, actor: Actor, version: int, number: int, without: Collection[Reference] = ()) -> None:
        """Gives it the values it had after an entry, but for some references; records nothing when none differs.

        Raises AlreadyEnded, StaleVersion, Invalid (a reference that is gone, too), OrganisationSuspended, NotFound.
        """
        self.require_not_ended()
        self.require_version(version)
        values = restoring.values(self, restoring.find_state(self, number), without)
        self._change(actor, values, restoring.restored_to(self.noun, number), {restoring.RESTORES: [None, number]})

    def _change(
        self, actor: Actor, values: dict[str, Any], sentence: Sentence | None = None, told: Changes | None = None
    ) -> None:
        project_name = hold_project(self.organisation_id, self.project_id)
        before = self.uses
        if changes := self.assign(values):
            self.require_consistent()
            self.count(self.uses.minus(before))
            told = {**changes, **(told or {})}
            entry = record(actor, Action.UPDATE, self.subject_in(project_name), told, sentence=sentence)
            self.changed(changes, entry)

    def end(self, actor: Actor) -> None:
        """Terminates or deletes it, and erases its sealed values. Raises AlreadyEnded, InUse, StaleVersion."""
        self.require_not_ended()
        require_unused(self)
        self.state = PAST[self.end_action]
        self.ended_at = datetime.now(UTC)
        for name in self.sealed():
            setattr(self, name, "")
        db.session.flush()  # whoever loses a race for it must not free what it uses
        self.count_no_more()
        record(actor, self.end_action, self.subject)

    def require_consistent(self) -> None:
        """Checks what one field alone does not show, before it is stored. Raises Invalid."""
        require_existing(self)

    def created(self, cause: Record) -> None:
        """Called once its creation is recorded."""

    def changed(self, names: Iterable[str], cause: Record) -> None:
        """Called once a change of these fields is recorded."""

    def require_not_ended(self) -> None:
        """Raises AlreadyEnded if it was terminated or deleted before."""
        if self.ended_at is not None:
            raise AlreadyEnded(f"{self.noun.capitalize()} {self.name} was already {PAST[self.end_action]}.")

    @classmethod
    def sealed(cls) -> list[str]:
        """Returns the names of the fields that are encrypted at rest."""
        return [name for name in cls.fields() if isinstance(cls.__table__.c[name].type, Sealed)]


def by_handle(kind: type[Kind], organisation_id: int, project_id: int, handle: str) -> Kind | None:
    """Returns the living resource with this handle, or else the last one that had it; None if there was none.

    The handle of a resource that has ended can be given to another one.
    """
    mine = select(kind).where(
        kind.organisation_id == organisation_id, kind.project_id == project_id, kind.handle == handle
    )
    return db.session.scalar(mine.where(kind.ended_at.is_(None))) or db.session.scalar(
        mine.where(kind.ended_at.is_not(None)).order_by(kind.id.desc()).limit(1)
    )


def ended_by_id(kind: type[Kind], organisation_id: int, project_id: int, handle: str, id: int) -> Kind | None:
    """Returns the resource with this id if it has ended, whoever bears its handle now."""
    found = db.session.get(kind, {"organisation_id": organisation_id, "id": id})
    if found is None or found.ended_at is None or (found.project_id, found.handle) != (project_id, handle):
        return None
    return found


def _written(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value or "")


PROJECT_NAME = text("SELECT name FROM projects WHERE organisation_id = :organisation AND id = :project")
