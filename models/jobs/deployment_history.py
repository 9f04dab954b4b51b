"""Deployments as they are read: how each thing was brought up so far, and what was kept of it."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text

from models.database import read
from models.jobs.deployment import LATEST, OF_ONE, OUTPUT, DeploymentKey
from models.jobs.observation import ResourceKey
from models.jobs.output import Output


class Deployment(NamedTuple):
    """One deployment, as a page shows it."""

    revision: int
    what: str
    cause_number: int
    status: str
    reason: str
    asked_at: datetime
    ended_at: datetime | None
    image_digest: str | None
    image_digest_before: str | None
    """What the same name stood for the last time, when that was something else."""


class BroughtUp(NamedTuple):
    """What tells which of the engine's containers are those of a deployment, and what they were given."""

    stamp: str
    specification: str
    """Sealed; empty when it never served, or has been replaced."""


def history(key: ResourceKey, before: int = LATEST, size: int = 10) -> list[Deployment]:
    """The deployments of one thing, newest first, from below a revision."""
    values = {"organisation": key.organisation_id, "noun": key.noun, "id": key.id, "before": before, "size": size}
    return [Deployment(*row) for row in read(HISTORY, values)]


def one(key: DeploymentKey) -> Deployment | None:
    """A deployment by its key, if it was ever asked for."""
    found = history(key.resource, key.revision + 1, 1)
    return next((each for each in found if each.revision == key.revision), None)


def last_good(key: DeploymentKey) -> Deployment | None:
    """The last deployment before this one that came up."""
    found = read(LAST_GOOD, {**key.resource._asdict(), "before": key.revision})
    return Deployment(*found[0]) if found else None


def brought_up(key: DeploymentKey) -> BroughtUp | None:
    """What tells the engine's containers of a deployment; None when it was never asked for."""
    found = read(BROUGHT_UP, key._asdict())
    return BroughtUp(*found[0]) if found else None


def last_output(key: DeploymentKey) -> Output | None:
    """What was kept of the output of a deployment that failed. Raises CannotOpen."""
    found = read(LAST_OUTPUT, key._asdict())
    return Output.opened(found[0][0], OUTPUT) if found and found[0][0] else None


BROUGHT_UP = text(f"SELECT stamp::text, specification FROM deployments WHERE {OF_ONE} AND revision = :revision")
LAST_OUTPUT = text(f"SELECT output FROM deployments WHERE {OF_ONE} AND revision = :revision")
COLUMNS = "revision, what, cause_number, status, reason, asked_at, ended_at, image_digest, image_digest_before"
HISTORY = text(f"""
    SELECT {COLUMNS} FROM deployments
     WHERE organisation_id = :organisation AND noun = :noun AND resource_id = :id AND revision < :before
     ORDER BY revision DESC LIMIT :size
""")
LAST_GOOD = text(f"""
    SELECT {COLUMNS} FROM deployments
     WHERE organisation_id = :organisation_id AND noun = :noun AND resource_id = :id AND revision < :before
       AND status = 'running'
     ORDER BY revision DESC LIMIT 1
""")
