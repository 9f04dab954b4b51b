"""Deployments: jobs that bring a revision of something up on the engine. How each ended is an entry by the system."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import ClassVar, NamedTuple

from sqlalchemy import TextClause, text

from models import arrays
from models.database import db
from models.errors import LeaseLost
from models.jobs import outbox
from models.jobs.fault import Fault
from models.jobs.lease import Lease
from models.jobs.observation import TABLES, Observed, ResourceKey, observe, observe_deployed, shortened
from models.jobs.output import Output
from models.jobs.queue import Queue
from models.log.actor import SYSTEM
from models.log.record import Action, Changes, ProjectName, Record, Sentence, Subject, record

LATEST = 2**31 - 1
OUTPUT = "deployments.output"
# Of how many failed deployments of one thing the output is kept.
OUTPUTS_MOST = 10
SHORT = 12


class Status(StrEnum):
    """How far a deployment is."""

    PROVISIONING = "provisioning"
    RUNNING = "running"
    ERROR = "error"
    CANCELLED = "cancelled"


class DeploymentKey(NamedTuple):
    """The primary key of a deployment."""

    organisation_id: int
    noun: str
    resource_id: int
    revision: int

    @property
    def resource(self) -> ResourceKey:
        """What it brings up."""
        return ResourceKey(self.organisation_id, self.noun, self.resource_id)


class Mark(NamedTuple):
    """What the instances of a deployment bear: whatever differs in any of it is not of this deployment."""

    stamp: str
    """The random stamp of its row: another timeline of this database counts the same revisions."""
    specification: str
    """The digest of what was specified."""
    image_id: str


class Made(NamedTuple):
    """What a deployment has brought up, and brings up again just so."""

    specification_digest: str
    image_id: str
    image: str
    """The image by name, as it was pulled."""
    image_digest: str
    node_count: int
    specification: str
    """Sealed."""


DEPLOYMENTS = Queue(
    table="deployments",
    key=DeploymentKey._fields,
    rank=2,
    # A deployment that was asked for before and is not up yet is moot.
    insert=text("""
        WITH asked AS (
            SELECT * FROM unnest(
                    CAST(:organisation_id AS integer[]), CAST(:noun AS varchar[]), CAST(:resource_id AS bigint[]),
                    CAST(:revision AS integer[]), CAST(:what AS varchar[]), CAST(:cause_number AS bigint[]))
                AS each (organisation_id, noun, resource_id, revision, what, cause_number)
        ), moot AS (
            UPDATE deployments SET status = 'cancelled', reason = 'a newer one was asked for', lease_until = NULL,
                                   ended_at = clock_timestamp()
              FROM asked
             WHERE deployments.organisation_id = asked.organisation_id AND deployments.noun = asked.noun
               AND deployments.resource_id = asked.resource_id AND status = 'provisioning'
        )
        INSERT INTO deployments (organisation_id, noun, resource_id, revision, what, cause_number)
        SELECT organisation_id, noun, resource_id, revision, what, cause_number FROM asked
     RETURNING organisation_id, noun, resource_id
    """),
    address=ResourceKey,
    one_for=("organisation_id", "noun", "resource_id"),
    lease_seconds=30,
    brings=("what", "cause_number", "ended_at IS NULL", "stamp::text", "told_down", *Made._fields),
    # What it made may be removed from then on.
    lapses=True,
    # One that was up and got lost is brought up again, and stays "running" meanwhile.
    ready=(Status.PROVISIONING, Status.RUNNING),
    state="status",
    error="reason",
    ended_at="ended_at",
)


@dataclass(frozen=True)
class DeploymentLease(Lease[DeploymentKey]):
    """The right to bring a revision up."""

    queue: ClassVar[Queue] = DEPLOYMENTS

    what: str
    cause: int
    first: bool
    """Whether its outcome is still to be told; it is not when something that was deployed has got lost."""
    stamp: str
    told_down: bool
    """Whether the log has said that it is down."""
    specification_digest: str | None
    image_id: str | None
    image: str | None
    image_digest: str | None
    node_count: int | None
    specification: str

    @property
    def made(self) -> Made | None:
        """What it brought up before, and brings up again; None when it never did, or the version before did it."""
        found = Made(*(getattr(self, name) for name in Made._fields))
        return found if self.specification else None

    def __str__(self) -> str:
        """As a log names it."""
        return f"the deployment of revision {self.key.revision} of {self.key.noun} {self.key.resource_id}"


def enqueue(key: ResourceKey, revision: int, what: str, cause: Record, nth: int = 0) -> None:
    """Have a revision brought up, because of the nth entry that was recorded with `cause`."""
    values = {"noun": key.noun, "resource_id": key.id, "revision": revision, "what": what}
    outbox.enqueue(DEPLOYMENTS, cause, nth, **values)


def claim(key: ResourceKey, revision: int, lost: bool = False) -> DeploymentLease | None:
    """Take the deployment of a revision, or of one that was up and got lost.

    None when someone has it, when it is not due, or when it is not any more as it is said to be.
    """
    status = Status.RUNNING if lost else Status.PROVISIONING
    return DeploymentLease.claim(DeploymentKey(*key, revision), status)


def succeed(lease: DeploymentLease, made: Made) -> None:
    """Tell that the revision is up and serves. Raises LeaseLost when it is not wanted any more, or is suspended."""
    thing = _hold(lease.key)
    if thing is None or thing.state != "active":
        raise LeaseLost(f"{lease} is moot, or has to wait")
    lease.finish(Status.RUNNING, "")
    observe_deployed(lease.key.resource, lease.key.revision)
    values = {**lease.key._asdict(), **made._asdict(), "replaced": thing.deployed_revision}
    before = db.session.execute(KEEP, values).scalar_one()
    moved = f", no longer {short(before)}" if before and lease.first else ""
    shown = f"{lease.what} ({short(made.image_digest)}{moved})"
    if lease.first:
        changes: Changes = {
            "deployed_revision": [thing.deployed_revision, lease.key.revision],
            "image_digest": [thing.image_digest, made.image_digest],
        }
        _record_outcome(lease, thing, f" deployed {shown}", changes)
    elif lease.made is None:
        # The version before has deployed it, and nobody knew which content that was.
        _record_outcome(lease, thing, f" deployed {shown}", {"image_digest": [None, made.image_digest]})
    elif lease.told_down:
        _record_outcome(lease, thing, f" is up again: {shown}", None)


def fail(lease: DeploymentLease, reason: str, partly: bool = False, output: Output | None = None) -> None:
    """Tell that the revision does not come up; what was deployed before goes on serving. Raises LeaseLost.

    `partly`: some of its nodes serve. `output` is what it wrote before it was given up, and is kept. Nothing is told
    of what was suspended or ended meanwhile: its deployment waits, or is moot.
    """
    thing = _hold(lease.key)
    if thing is None or thing.state != "active":
        lease.release()
        return
    told = shortened(reason)
    if lease.first:
        lease.finish(Status.ERROR, told, in_time=True)
        if output and output.lines:
            db.session.execute(
                KEEP_OUTPUT, {**lease.key._asdict(), "output": output.sealed(OUTPUT), "most": OUTPUTS_MOST}
            )
        _record_outcome(lease, thing, f" failed to deploy: {told}", None)
    else:
        lease.fail(told)
        _tell_down(lease, thing, told, partly)
    if thing.deployed_revision in (None, lease.key.revision):
        observe([Observed(lease.key.resource, thing.deployed_revision, "error", told)])


def put_off(lease: DeploymentLease, fault: Fault, partly: bool = False) -> None:
    """Tell that the engine cannot do it now; it is tried again, later and later, until it can. Raises LeaseLost.

    `partly`: some of its nodes serve.
    """
    thing = _hold(lease.key)
    if thing is None or thing.state != "active":
        lease.release()
        return
    lease.fail(f"it waits, since {fault.words}, and is tried again")
    db.session.execute(PUT_OFF, {**lease.key._asdict(), "fault": fault})
    if not lease.first:
        _tell_down(lease, thing, fault.words, partly)
        observe([Observed(lease.key.resource, thing.deployed_revision, "error", fault.words)])


def forget(organisation_id: int, noun: str, ids: Sequence[int]) -> None:
    """Erase what would bring these up again, and what is kept of their output: they have ended."""
    db.session.execute(FORGET, {"organisation": organisation_id, "noun": noun, "ids": arrays.numbers(ids)})


def short(digest: str) -> str:
    """ "sha256:3f2a5b6c7d8e…": as much of a digest as tells it from others."""
    algorithm, _, value = digest.partition(":")
    return f"{algorithm}:{value[:SHORT]}…"


def cancel_ended(organisation_id: int | None = None) -> None:
    """Cancel the deployments of what has ended, in one organisation or in all."""
    for noun in TABLES:
        db.session.execute(_cancel(noun), {"organisation": organisation_id})


def any_of_ended() -> str:
    """The condition that there are deployments of what has ended, in `:organisation` or in all, in SQL."""
    return " OR ".join(
        f"EXISTS (SELECT FROM deployments, {table} AS thing WHERE {_ended(noun)})" for noun, table in TABLES.items()
    )


def hold_network(organisation_id: int, project_id: int) -> None:
    """Keep other workers from making or removing the project's network on the engine until COMMIT."""
    db.session.execute(HOLD_NETWORK, {"organisation": organisation_id, "project": project_id})


class _Thing(NamedTuple):
    name: str
    state: str
    deployed_revision: int | None
    project_id: int
    project_name: str
    image_digest: str | None
    """Of what is deployed."""


def _hold(key: DeploymentKey) -> _Thing | None:
    # The resource before its deployment, as in a person's edit: whoever comes second waits instead of deadlocking.
    row = db.session.execute(_holding(key.noun), key._asdict()).first()
    return None if row is None else _Thing(*row)


def _tell_down(lease: DeploymentLease, thing: _Thing, reason: str, partly: bool) -> None:
    """Tell once that what served is down."""
    if not lease.told_down:
        db.session.execute(TELL_DOWN, lease.key._asdict())
        _record_outcome(lease, thing, f" is {'partly ' if partly else ''}down: {reason}", None)


def _record_outcome(lease: DeploymentLease, thing: _Thing, after: str, changes: Changes | None) -> None:
    project = ProjectName(thing.project_id, thing.project_name)
    subject = Subject(lease.key.organisation_id, lease.key.noun, lease.key.resource_id, thing.name, project)
    sentence = Sentence(f"{lease.key.noun.capitalize()} ", after)
    told = {name: change for name, change in (changes or {}).items() if change[0] != change[1]}
    record(SYSTEM, Action.UPDATE, subject, told, lease.cause, sentence)


@cache
def _holding(noun: str) -> TextClause:
    return text(f"""
        SELECT thing.name, thing.state, deployed_revision, project_id, projects.name, deployed.image_digest
          FROM {TABLES[noun]} AS thing
          JOIN projects ON projects.organisation_id = thing.organisation_id AND projects.id = project_id
          LEFT JOIN deployments AS deployed
            ON deployed.organisation_id = thing.organisation_id AND deployed.noun = '{noun}'
           AND deployed.resource_id = thing.id AND deployed.revision = deployed_revision
         WHERE thing.organisation_id = :organisation_id AND thing.id = :resource_id AND thing.ended_at IS NULL
           AND :revision IN (thing.revision, deployed_revision)
           FOR UPDATE OF thing
    """)


@cache
def _cancel(noun: str) -> TextClause:
    return text(f"""
        UPDATE deployments SET status = 'cancelled', reason = 'it was terminated before', lease_until = NULL,
                               ended_at = clock_timestamp()
          FROM {TABLES[noun]} AS thing
         WHERE {_ended(noun)}
    """)


def _ended(noun: str) -> str:
    return f"""
        deployments.status = 'provisioning' AND noun = '{noun}'
        AND thing.organisation_id = deployments.organisation_id AND thing.id = resource_id
        AND thing.ended_at IS NOT NULL
        AND (CAST(:organisation AS integer) IS NULL OR deployments.organisation_id = :organisation)
    """


OF_ONE = "organisation_id = :organisation_id AND noun = :noun AND resource_id = :resource_id"
# Returns what the same name stood for the last time, if that was something else. What it replaces is not brought up
# again, and need not be known any more.
KEEP = text(f"""
    WITH last AS (
        SELECT image_digest FROM deployments
         WHERE {OF_ONE} AND revision < :revision AND image = CAST(:image AS varchar) AND image_digest IS NOT NULL
         ORDER BY revision DESC LIMIT 1
    ), replaced AS (
        UPDATE deployments SET specification = ''
         WHERE {OF_ONE} AND revision = CAST(:replaced AS integer) AND revision <> :revision
    )
    UPDATE deployments
       SET specification_digest = :specification_digest, image_id = :image_id, image = CAST(:image AS varchar),
           image_digest = CAST(:image_digest AS varchar), node_count = :node_count, specification = :specification,
           told_down = false, fault = NULL,
           image_digest_before = (SELECT image_digest FROM last WHERE image_digest <> CAST(:image_digest AS varchar))
     WHERE {OF_ONE} AND revision = :revision
 RETURNING image_digest_before
""")
PUT_OFF = text(f"UPDATE deployments SET fault = :fault WHERE {OF_ONE} AND revision = :revision")
TELL_DOWN = text(f"UPDATE deployments SET told_down = true WHERE {OF_ONE} AND revision = :revision")
FORGET = text("""
    UPDATE deployments SET specification = '', output = ''
     WHERE organisation_id = :organisation AND noun = :noun AND resource_id = ANY(CAST(:ids AS bigint[]))
       AND (specification <> '' OR output <> '')
""")
# Of the last few failures alone: someone who tries all night keeps no more.
KEEP_OUTPUT = text(f"""
    WITH older AS (
        UPDATE deployments SET output = ''
         WHERE {OF_ONE} AND output <> '' AND revision < :revision
           AND revision NOT IN (SELECT revision FROM deployments
                                 WHERE {OF_ONE} AND output <> '' AND revision < :revision
                                 ORDER BY revision DESC LIMIT :most - 1))
    UPDATE deployments SET output = :output WHERE {OF_ONE} AND revision = :revision
""")
HOLD_NETWORK = text("SELECT pg_advisory_xact_lock(:organisation, :project)")
