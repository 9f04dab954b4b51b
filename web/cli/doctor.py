"""`activity-log doctor`: whether everything around the log is as it must be, and what to do where it is not."""

import shutil
import sys
from datetime import UTC, datetime

import click
import psycopg
from sqlalchemy.exc import OperationalError

from models.jobs import anchor, job
from models.jobs.waiting import waiting
from models.log import seal
from models.log.trees import META
from models.migrations import last_step, steps
from models.settings import Settings
from models.system import guards, rotation
from models.system.guards import Finding
from web import broker
from web.cli.connection import connected
from web.seals import LATE

CONNECT_SECONDS = BROKER_SECONDS = 5
FREE_LEAST = 0.05
# As the exit codes of `verify` have it.
CANNOT_TELL = 4
SEE_SEALS = "`activity-log epoch show` says which, and docs/operations.md what to do about a database that went back."


@click.command()
def doctor() -> None:
    """Look at roles, grants, triggers, durability, clock, schema, keys, broker, disk and work that is stuck.

    Ends with 1 when something is wrong, with 4 when the database does not answer. It changes nothing.
    """
    try:
        with connected() as settings:
            found = _look(settings)
    except (OperationalError, psycopg.OperationalError) as error:
        click.secho(f"WRONG  The database answers: {_first_line(error)}", fg="red")
        sys.exit(CANNOT_TELL)
    for each in found:
        if each.trouble:
            click.secho(f"WRONG  {each.about}: {each.trouble}.", fg="red")
            click.echo(f"       {each.remedy}")
        else:
            click.echo(f"ok     {each.about}.")
    sys.exit(any(each.trouble for each in found))


def _look(settings: Settings) -> list[Finding]:
    schema = _schema(settings)
    if schema.trouble:
        return [schema]  # of which the rest would only say that a table is missing
    there = [*guards.look(), schema, _keys(), _seals()]
    return [*there, _work(), _engine(), _anchors(), _broker(settings), _disk(settings)]


def _first_line(error: Exception) -> str:
    """What the driver says, without the statement that SQLAlchemy adds."""
    said = str(getattr(error, "orig", None) or error).strip()
    return said.splitlines()[0] if said else type(error).__name__


def _refused(refusal: seal.Refusal) -> str:
    """Why, and of which organisation; where the whole installation is meant, no other need be named."""
    if refusal.organisation_id == META:
        return refusal.reason
    return f"organisation {refusal.organisation_id}: {refusal.reason}"


def _seals() -> Finding:
    about = "The log is sealed up to its end"
    if refusals := seal.refusals():
        why = "; ".join(map(_refused, refusals))
        return Finding(about, f"nothing more is sealed of {len(refusals)} logs: {why}", SEE_SEALS)
    late = seal.overdue(datetime.now(UTC) - LATE)
    if not late:
        return Finding(about)
    why = f"entries of {late} logs have waited for more than {LATE.total_seconds():.0f} s"
    return Finding(about, why, "See whether `activity-log worker` runs, with SIGNING_KEYS, and what it says.")


def _schema(settings: Settings) -> Finding:
    about = "The schema is this version's"
    if not settings.database_owner_url:
        return Finding(f"{about}: not looked at, since DATABASE_OWNER_URL is not set")
    with psycopg.connect(settings.database_owner_url, connect_timeout=CONNECT_SECONDS) as owner:
        there, expected = last_step(owner), steps()[-1]
    if there == expected:
        return Finding(about)
    return Finding(about, f"it is at {there}, and this version is at {expected}", "Run `activity-log migrate`.")


def _keys() -> Finding:
    about = "All that is sealed at rest is sealed with the first key"
    left = rotation.remaining()
    if not left:
        return Finding(about)
    return Finding(about, f"{left} values are under other keys", "Run `activity-log keys rotate`.")


def _work() -> Finding:
    about = "No work that follows from deletions and suspensions is stuck"
    stuck = [each for each in job.unfinished() if each.state == "stuck"]
    if not stuck:
        return Finding(about)
    return Finding(about, f"{len(stuck)} jobs are", "See `activity-log jobs list`; `jobs retry` tries one again.")


def _engine() -> Finding:
    about = "No deployment waits for a container engine that cannot do it"
    found = waiting(datetime.now(UTC))
    if not found:
        return Finding(about)
    why = "; ".join(f"{each.deployments} wait since {each.fault.words}" for each in found)
    return Finding(about, why, "Mend the engine; they are tried again. `activity-log engine faults` shows when.")


def _anchors() -> Finding:
    about = "Checkpoints get to every place outside that is configured"
    found = anchor.anchors()
    if forked := [each for each in found if each.is_alarming]:
        why = "; ".join(f"{each.name} has seen another log: {each.error}" for each in forked)
        return Finding(about, why, "Find out who changed or restored the database; “Anchors” in docs/operations.md.")
    late = [each for each in found if each.is_late(datetime.now(UTC))]
    if not late:
        return Finding(about if found else f"{about}: none is")
    why = "; ".join(f"{each.name} waits since {each.waits_since:%Y-%m-%d %H:%M} ({each.error})" for each in late)
    return Finding(about, why, "Mend what is told, or take it out of WITNESSES or ANCHOR_FILE.")


def _broker(settings: Settings) -> Finding:
    about = "The broker takes hints"
    why = broker.refusal(settings.redis_url, BROKER_SECONDS)
    if why is None:
        return Finding(about)
    return Finding(about, why, "Start it, or give it room; meanwhile work is done when the schedule finds it.")


def _disk(settings: Settings) -> Finding:
    about = "There is room where DATA_DIR is"
    there = next(folder for folder in (settings.data_dir, *settings.data_dir.absolute().parents) if folder.exists())
    disk = shutil.disk_usage(there)
    if disk.free >= FREE_LEAST * disk.total:
        return Finding(about)
    return Finding(
        about, f"{disk.free / disk.total:.1%} of {there} is free", "Make room before nothing can be written."
    )
