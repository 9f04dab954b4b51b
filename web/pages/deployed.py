"""What pages show of something that runs: one line of what was observed, and its deployments."""

import hashlib
from typing import NamedTuple

from flask import request

from models.jobs import deployment, deployment_history
from models.jobs.deployment import Status
from models.jobs.deployment_history import Deployment
from models.jobs.watch import RESTARTING, UP_AGAIN
from models.kinds.running import Running
from models.numbers import whole_number
from web.pages.engine import Trouble

LISTED, FEW = 10, 3
SOON, LATER = "load delay:700ms, every 2s", "every 15s"
DIGEST_SIZE = 8


class Deployments(NamedTuple):
    """The deployments of one thing as the templates show them, which ask for themselves again."""

    headline: str
    """Empty where nothing is said of now: of what has ended, and above older deployments."""
    rows: list[Deployment]
    older: int | None
    all: int
    """How many there are, where only the first few are shown; 0 where they are in pages."""
    url: str
    digest: str
    """Of everything that is shown: while it is the same, nothing need be sent again."""
    again: str
    """When it is asked for again, as htmx reads it; empty for what stays as it is."""
    planned: bool
    """Whether there is nobody who could work on them."""
    is_few: bool

    @property
    def asked_at(self) -> str:
        """Where it asks for itself."""
        return f"{self.url}?{'few=1&' if self.is_few else ''}seen={self.digest}"


def deployments(thing: Running, url: str, trouble: Trouble | None, is_few: bool) -> Deployments:
    """Those of one thing, newest first: the first few, or a page from below the revision that the address names."""
    before = deployment.LATEST if is_few else request.args.get("before", deployment.LATEST, type=whole_number)
    most = FEW if is_few else LISTED
    found = deployment_history.history(thing.key, min(before, deployment.LATEST), most + 1)
    rows, is_newest = found[:most], before >= deployment.LATEST
    under_way = trouble is None and bool(rows) and rows[0].status == Status.PROVISIONING
    shown = (thing.state, thing.status, thing.status_reason, thing.revision, thing.deployed_revision, trouble, rows)
    return Deployments(
        headline=headline(thing, trouble, rows) if is_newest else "",
        rows=rows,
        older=rows[-1].revision if len(found) > most and not is_few else None,
        all=thing.revision if is_few and len(found) > most else 0,
        url=url,
        digest=hashlib.blake2b(repr(shown).encode(), digest_size=DIGEST_SIZE).hexdigest(),
        again=(SOON if under_way else LATER) if is_newest and thing.ended_at is None else "",
        planned=trouble is not None,
        is_few=is_few,
    )


def headline(thing: Running, trouble: Trouble | None, newest: list[Deployment]) -> str:
    """ "Running nginx:1.28", "Failed: image not found", "Not running: no engine"; empty for what has ended.

    `newest` are its latest deployments, the last one first.
    """
    if thing.ended_at is not None:
        return ""
    if thing.state == "suspended":
        return "Not running: suspended"
    if thing.status == "error":
        return _wrong(thing.status_reason)
    if trouble:
        return f"{'Not running' if thing.deployed_revision is None else 'Not observed any more'}: {trouble.short}"
    if thing.status == "running":
        return _running(thing, newest)
    if thing.status == "stopped":
        return "Stopped"
    reason = newest[0].reason if newest and newest[0].status == Status.PROVISIONING else ""
    return f"Being deployed{f': {reason}' if reason else ''}"


def _wrong(reason: str) -> str:
    if reason.startswith((RESTARTING, UP_AGAIN)):
        return reason[0].upper() + reason[1:]
    return f"Failed: {reason}" if reason else "Failed"


def _running(thing: Running, newest: list[Deployment]) -> str:
    serving = next((each.what for each in newest if each.revision == thing.deployed_revision), None)
    told = f"Running {serving or f'revision {thing.deployed_revision}'}"
    if thing.deployed_revision == thing.revision or not newest:
        return told
    last = newest[0]
    is_same = last.what == serving
    if last.status == Status.ERROR:
        return f"{told}; {'deploying it again' if is_same else last.what} failed: {last.reason}"
    waits = f": {last.reason}" if last.reason else ""
    return f"{told}; {'deploying it again' if is_same else f'deploying {last.what}'}{waits}"
