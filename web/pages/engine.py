"""What pages say of the engine, and of what runs on it."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from flask import request

from models.installation import NO_ENGINE, Engine
from models.jobs import deployment
from models.jobs.deployment import Deployment, Status
from models.kinds.catalogue import RUNNING, plurals
from models.kinds.running import Running
from models.numbers import whole_number
from web.words import when

# The schedule reports twice a minute.
SILENT = timedelta(minutes=3)
LISTED = 10


class Deployments(NamedTuple):
    """The deployments of one thing as the templates show them; the fragment asks for itself while one is under way."""

    rows: list[Deployment]
    older: int | None
    url: str
    under_way: bool
    planned: bool
    """Whether there is nobody who could work on them."""


def trouble(found: Engine) -> str | None:
    """Says why nothing is started or stopped now; None while all is well."""
    if found.engine is None or found.seen_at is None:
        return "No container engine has been reported yet. What is decided is recorded, but nothing is being run."
    if datetime.now(UTC) - found.seen_at > SILENT:
        return (
            f"The runtime process has not reported since {when(found.seen_at)}. What is decided is recorded; nothing "
            "is started or stopped until it runs again."
        )
    if found.engine == NO_ENGINE:
        return (
            f"No container engine is set up: {plurals(RUNNING)} are recorded and planned, but nothing is being run. "
            "The platform's operator connects one with DOCKER_HOST."
        )
    if found.error:
        return (
            f"The container engine does not answer: {found.error}. What is decided is recorded, and made so as soon "
            "as the engine is back."
        )
    return None


def deployments(thing: Running, url: str, nobody: bool) -> Deployments:
    """Those of one thing, newest first, from below the revision that the address names."""
    before = request.args.get("before", deployment.LATEST, type=whole_number)
    found = deployment.history(thing.key, min(before, deployment.LATEST), LISTED + 1)
    older = found[LISTED - 1].revision if len(found) > LISTED else None
    newest = found[0].status if found else None
    under_way = before == deployment.LATEST and not nobody and thing.ended_at is None
    return Deployments(found[:LISTED], older, url, under_way and newest == Status.PROVISIONING, nobody)
