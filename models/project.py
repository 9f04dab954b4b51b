"""A project: where an organisation's resources live."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Identity, Integer, String, func, select, text
from sqlalchemy.orm import Mapped, mapped_column

from models import quotas
from models.database import add, db
from models.errors import ConfirmationMismatch, HandleTaken, NotFound
from models.field import NAME_MOST, Field, Shape, column
from models.hold import PROJECT_GONE, hold_organisation, hold_project
from models.jobs import job
from models.kinds.catalogue import KINDS, RUNNING
from models.kinds.resource import Kind, Resource, by_handle, ended_by_id
from models.kinds.running import Running, deploy_users
from models.log.actor import Actor
from models.log.record import Action, ProjectName, Subject, record
from models.log.tracked import Owned

LATEST = 2**63 - 1
TABLES = tuple(kind.plural for kind in KINDS)


class Project(Owned):
    """A named part of an organisation, in which resources live; its handle is permanent and never released."""

    __tablename__ = "projects"
    noun = "project"

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    state: Mapped[str] = mapped_column(String(16), default="active")
    """active, deleting (the cascade runs) or deleted."""
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
            hint="Part of its address. Permanent, never released.",
        ),
    )

    @property
    def subject(self) -> Subject:
        """The project as an entry names it."""
        return Subject(self.organisation_id, self.noun, self.id, self.name, ProjectName(self.id, self.name))

    def create(self, actor: Actor, kind: type[Kind], **values: Any) -> Kind:
        """Add a resource. Raises HandleTaken, Invalid, OrganisationSuspended, NotFound, QuotaReached."""
        project_name = hold_project(self.organisation_id, self.id)
        quotas.require_room(quotas.resources(TABLES), self.organisation_id, datetime.now(UTC))
        resource = kind(organisation_id=self.organisation_id, project_id=self.id, state="active")
        changes = resource.fill(values)
        if kind.runs:
            self._require_name(kind, resource.handle)
        resource.require_consistent()
        add(
            resource,
            HandleTaken(f"A {kind.noun} with the handle “{resource.handle}” exists in this project."),
        )
        resource.count(resource.uses)
        resource.created(record(actor, Action.CREATE, resource.subject_in(project_name), changes))
        return resource

    def _require_name(self, kind: type[Resource], handle: str) -> None:
        """Raises HandleTaken when something of another kind is reached by this handle in the project's network."""
        db.session.execute(NAMING, {"network": f"{self.organisation_id}/{self.id}"})
        for other in RUNNING:
            mine = (other.organisation_id == self.organisation_id, other.project_id == self.id)
            taken = select(other.id).where(*mine, other.handle == handle, other.ended_at.is_(None))
            if other is not kind and db.session.scalar(taken.limit(1)) is not None:
                raise HandleTaken(
                    f"A {other.noun} with the handle “{handle}” exists in this project; both would be reached by it."
                )

    def find(self, kind: type[Kind], handle: str) -> Kind:
        """Returns the resource that bears the handle, or bore it last. Raises NotFound."""
        found = by_handle(kind, self.organisation_id, self.id, handle)
        if found is None:
            raise NotFound(f"There is no {kind.noun} “{handle}” in this project.")
        return found

    def find_ended(self, kind: type[Kind], handle: str, resource_id: int) -> Kind:
        """Returns a resource that has ended, whose handle another may bear by now. Raises NotFound."""
        found = ended_by_id(kind, self.organisation_id, self.id, handle, resource_id) if resource_id <= LATEST else None
        if found is None:
            raise NotFound(f"No {kind.noun} “{handle}” with this id has ended in this project.")
        return found

    def resources(self, kind: type[Kind], before: int = LATEST, size: int = 50) -> list[Kind]:
        """Returns its living resources of one kind with an id below `before`, newest first."""
        mine = select(kind).where(
            kind.organisation_id == self.organisation_id,
            kind.project_id == self.id,
            kind.ended_at.is_(None),
            kind.id < before,
        )
        return list(db.session.scalars(mine.order_by(kind.id.desc()).limit(size)))

    def deploy_again(self, actor: Actor, resource: Resource) -> list[str]:
        """Deploy again what a change of the resource affects: itself if it runs, otherwise all that use it.

        Returns their names. Raises AlreadyEnded, OrganisationSuspended, NotFound, StaleVersion.
        """
        if isinstance(resource, Running):
            resource.redeploy(actor)
            return [resource.name]
        return deploy_users(actor, resource)

    def update(self, actor: Actor, version: int, **values: Any) -> None:
        """Rename it. Raises StaleVersion, Invalid, OrganisationSuspended, NotFound.

        The project is not held: two who held it FOR SHARE would wait for each other's UPDATE. Its version refuses
        whoever is second, and whoever comes after its deletion.
        """
        self.require_version(version)
        if self.state != "active":
            raise NotFound(PROJECT_GONE)
        hold_organisation(self.organisation_id)
        if changes := self.assign(values):
            record(actor, Action.UPDATE, self.subject, changes)

    def delete(self, actor: Actor, confirm: str) -> None:
        """Delete it at once for everyone; a job ends what lives in it. Raises ConfirmationMismatch, NotFound."""
        if confirm.strip() != self.handle:
            raise ConfirmationMismatch(f"Type {self.handle} to confirm.")
        if self.state != "active":
            raise NotFound(f"This project is {'being ' if self.state == 'deleting' else ''}deleted already.")
        self.state = "deleting"
        deletion = record(actor, Action.DELETE, self.subject)
        job.enqueue(job.Work.DELETE_PROJECT, deletion, self.id)


# One creation in a network after the other: two kinds are two tables, which no unique index spans.
NAMING = text("SELECT pg_advisory_xact_lock(hashtextextended(:network, 0))")


def find_project(organisation_id: int, handle: str) -> Project:
    """Returns an organisation's project, deleted or not. Raises NotFound."""
    mine = select(Project).where(Project.organisation_id == organisation_id, Project.handle == handle)
    found = db.session.scalar(mine)
    if found is None:
        raise NotFound(f"There is no project “{handle}”.")
    return found


def create_project(organisation_id: int, actor: Actor, **values: Any) -> Project:
    """Add a project to an organisation. Raises HandleTaken, Invalid, OrganisationSuspended, NotFound, QuotaReached."""
    hold_organisation(organisation_id)
    quotas.require_room(quotas.PROJECTS, organisation_id, datetime.now(UTC))
    project = Project(organisation_id=organisation_id, state="active")
    changes = project.fill(values)
    taken = f"The handle “{project.handle}” is taken; handles of deleted projects are never released."
    add(project, HandleTaken(taken))
    record(actor, Action.CREATE, project.subject, changes)
    return project
