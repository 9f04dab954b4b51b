"""What the kinds that run share: revisions, deployments, and what was observed on the engine."""

from collections.abc import Iterable
from functools import cache
from typing import Any, ClassVar

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Integer,
    Row,
    String,
    TextClause,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from models.billing.usage import Usage
from models.database import db
from models.hold import hold_project
from models.jobs import deployment, outbox
from models.jobs.observation import ResourceKey
from models.kinds.references import refers, users_of
from models.kinds.resource import Resource
from models.kinds.specification import Specification
from models.log.actor import Actor
from models.log.record import Action, Changes, ProjectName, Record, Sentence, Subject, record, record_each

UNDEPLOYED = {"name"}
"""The fields that can change without a deployment."""


class Running(Resource):
    """Something that the engine runs: deployed anew when what it runs with changes, suspended with its organisation."""

    __abstract__ = True
    runs = True
    NODES: ClassVar[str] = "1"
    """How many containers it is made of on the engine, as SQL."""

    revision: Mapped[int] = mapped_column(Integer, default=1)
    """Grows by one with every change that needs a deployment."""
    deployed_revision: Mapped[int | None] = mapped_column(Integer)
    """The last revision that came up."""
    status: Mapped[str | None] = mapped_column(String(16))
    """What was observed: provisioning, running, stopped or error; None before the first look."""
    status_reason: Mapped[str] = mapped_column(String(300), default="")
    deployed_uses: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), default=lambda: [0, 0, 0])
    """How much of each item on the price list the deployed revision uses; paid for while it is seen running."""

    @property
    def key(self) -> ResourceKey:
        """Its address in hints and deployments."""
        return ResourceKey(self.organisation_id, self.noun, self.id)

    @property
    def reached_at(self) -> str:
        """The address at which other things in its project reach it."""
        raise NotImplementedError

    @property
    def deployed_as(self) -> str:
        """What a deployment brings up, as its entry puts it; the same as DETAIL."""
        raise NotImplementedError

    def specification(self) -> Specification:
        """Returns what the engine is told to run, with sealed values in clear. For the worker only."""
        raise NotImplementedError

    @classmethod
    def counted(cls) -> str:
        """Returns how much of it is paid for now, as SQL: nothing that is not seen running."""
        return ", ".join(f"CASE WHEN status = 'running' THEN deployed_uses[{nth}] ELSE 0 END" for nth in (1, 2, 3))

    def count(self, by: Usage) -> None:
        """Leaves it to what is observed: a change of its limits counts once it is deployed."""

    def count_no_more(self) -> None:
        """Notes that nothing of it is used any more, by what was observed last; its row is locked."""
        mine = {"organisation": self.organisation_id, "id": self.id}
        db.session.execute(_uncount(type(self)), mine)

    def redeploy(self, actor: Actor) -> None:
        """Asks for a deployment although no field has changed: what it refers to may have.

        Raises AlreadyEnded, OrganisationSuspended, NotFound, StaleVersion.
        """
        self.require_not_ended()
        project_name = hold_project(self.organisation_id, self.project_id)
        sentence = deployed_again(self.noun)
        asked = record(actor, Action.UPDATE, self.subject_in(project_name), sentence=sentence)
        self.revision += 1
        self._ask(asked)

    def assign(self, values: dict[str, Any]) -> Changes:
        """Takes the values that differ, and raises the revision in the same UPDATE when they need a deployment."""
        changes = super().assign(values)
        if _deploys(changes):
            self.revision += 1
        return changes

    def created(self, cause: Record) -> None:
        """Asks for the first deployment."""
        self._ask(cause)

    def changed(self, names: Iterable[str], cause: Record) -> None:
        """Asks for another deployment if one of these fields needs it."""
        if _deploys(names):
            self._ask(cause)

    def end(self, actor: Actor) -> None:
        """Terminates it, and has the worker remove it from the engine. Raises AlreadyEnded, InUse, StaleVersion."""
        super().end(actor)
        if self.deployed_revision is None:
            self.status, self.status_reason = None, ""
        deployment.forget(self.organisation_id, self.noun, [self.id])
        outbox.look_at(self.key)

    def _ask(self, cause: Record) -> None:
        deployment.enqueue(self.key, self.revision, self.deployed_as, cause)


def deploy_users(actor: Actor, resource: Resource) -> list[str]:
    """Asks for a deployment of everything that runs and refers to the resource; returns the names.

    A handful of statements, however many they are. Raises OrganisationSuspended, NotFound.
    """
    kinds = [kind for kind in users_of(type(resource)) if issubclass(kind, Running)]
    if not kinds:
        return []
    project = ProjectName(resource.project_id, hold_project(resource.organisation_id, resource.project_id))
    names = []
    for kind in kinds:
        scope = Subject(resource.organisation_id, kind.noun, 0, "", project)
        users = _revise(kind, resource)
        named = [(each.id, each.name) for each in users]
        asked = record_each(actor, Action.UPDATE, scope, named, sentence=deployed_again(kind.noun))
        for nth, each in enumerate(users):
            assert asked
            key = ResourceKey(resource.organisation_id, kind.noun, each.id)
            deployment.enqueue(key, each.revision, each.deployed_as, asked, nth)
        names += [each.name for each in users]
    return names


def _revise(kind: type[Running], resource: Resource) -> list[Row[Any]]:
    # Locked in order of id: two people who do this at once wait for each other instead of deadlocking.
    users = select(kind.id).where(refers(kind, resource)).order_by(kind.id).with_for_update().cte("users")
    told: ColumnElement[str] = literal_column(kind.DETAIL)
    revised = (
        update(kind)
        .where(kind.organisation_id == resource.organisation_id, kind.id == users.c.id)
        .values(revision=kind.revision + 1, version=kind.version + 1)
        .returning(kind.id, kind.revision, told.label("deployed_as"), getattr(kind, kind.called_by).label("name"))
    )
    # Plain rows: ten thousand objects would take three times as long.
    found = db.session.execute(revised, execution_options={"synchronize_session": False})
    return sorted(found, key=lambda each: each.id)


def deployed_again(noun: str) -> Sentence:
    """ "Container my-api to be deployed again"."""
    return Sentence(f"{noun.capitalize()} ", " to be deployed again")


@cache
def _uncount(kind: type[Running]) -> TextClause:
    return text(f"""
        INSERT INTO usage_changes (organisation_id, cpu_millicores, memory_mib, cache_mib)
        SELECT organisation_id, -deployed_uses[1], -deployed_uses[2], -deployed_uses[3] FROM {kind.plural}
         WHERE organisation_id = :organisation AND id = :id AND status = 'running' AND deployed_uses <> '{{0,0,0}}'
    """)


def _deploys(names: Iterable[str]) -> bool:
    return bool(set(names) - UNDEPLOYED)
