"""Deployments: the promise to bring a revision of something up on the engine, and how that ended.

As with a job, the row is the promise and a message only a hint: whoever works on it has a lease and a token, and says
how it ended only while the token is still the newest. The outcome is an entry by the system, caused by the entry that
asked for the deployment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from sqlalchemy import TextClause, text

from models.database import db, read
from models.errors import LeaseLost
from models.log.actor import SYSTEM
from models.log.record import Action, ProjectName, Record, Sentence, Subject, record

PENDING = "deployment.pending"
LOOKS = "deployment.looks"
LEASE_SECONDS = 30
REASON_MOST = 300
LATEST = 2**31 - 1
TABLES: dict[str, str] = {}
"""The table of each noun that can be deployed; models/kinds/catalogue.py enters the kinds that run."""


class Status(StrEnum):
    """How far a deployment is."""

    PROVISIONING = "provisioning"
    RUNNING = "running"
    ERROR = "error"
    CANCELLED = "cancelled"


class ResourceKey(NamedTuple):
    """The address of something that runs: what a hint carries."""

    organisation_id: int
    noun: str
    id: int


class Deployment(NamedTuple):
    """One deployment, as a page shows it."""

    revision: int
    what: str
    cause_number: int
    status: str
    reason: str
    asked_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True)
class Asked:
    """A deployment that will exist once the transaction has ended and its cause has a number."""

    key: ResourceKey
    revision: int
    what: str
    cause: Record
    place: int = 0
    """Which of the entries that were recorded together asks for it."""


@dataclass(frozen=True)
class Lease:
    """The right to bring a revision up until the lease runs out, proven by the token."""

    key: ResourceKey
    revision: int
    token: int
    what: str
    cause: int
    first: bool
    """Whether its outcome is still to be told; it is not when something that was deployed has got lost."""

    def renew(self) -> None:
        """Prolong the lease, in a transaction of its own. Raises LeaseLost."""
        if db.session.execute(RENEW, {**self.values, "lease": LEASE_SECONDS}).first() is None:
            raise LeaseLost(f"the deployment of revision {self.revision} of {self.key.noun} {self.key.id} is not ours")

    @property
    def values(self) -> dict[str, object]:
        """Its address and its token, for a statement."""
        return {**_of(self.key), "revision": self.revision, "token": self.token}


def ask(key: ResourceKey, revision: int, what: str, cause: Record, place: int = 0) -> None:
    """Ask for a revision to be brought up; one that was asked for before and is not up yet becomes moot."""
    _waiting(PENDING).append(Asked(key, revision, what, cause, place))


def look(key: ResourceKey) -> None:
    """Have the worker compare it with what runs, once this transaction has ended."""
    _waiting(LOOKS).append(key)


def keep() -> list[ResourceKey]:
    """Insert what was asked for in this transaction, after its entries are numbered; returns what to hint at."""
    asked = {each.key: each for each in _waiting(PENDING)}  # of two for one thing, the first is moot from the beginning
    if asked:
        values = {
            "organisations": [each.organisation_id for each in asked],
            "nouns": [each.noun for each in asked],
            "ids": [each.id for each in asked],
            "revisions": [each.revision for each in asked.values()],
            "whats": [each.what for each in asked.values()],
            "causes": [each.cause.number + each.place for each in asked.values()],
        }
        db.session.execute(INSERT, values)
    found = [*asked, *_waiting(LOOKS)]
    forget()
    return found


def forget() -> None:
    """Drop what was asked for: its transaction failed."""
    db.session.info.pop(PENDING, None)
    db.session.info.pop(LOOKS, None)


def claim(key: ResourceKey, revision: int, lost: bool = False) -> Lease | None:
    """Take the deployment of a revision, or of one that was up and got lost.

    None when someone has it, when it is not due, or when it is not any more as it is said to be.
    """
    status = Status.RUNNING if lost else Status.PROVISIONING
    values = {"revision": revision, "status": status, "lease": LEASE_SECONDS}
    row = db.session.execute(CLAIM, {**_of(key), **values}).first()
    return None if row is None else Lease(key, revision, row.token, row.what, row.cause_number, first=not lost)


def succeed(lease: Lease) -> None:
    """The revision is up, and serves. Raises LeaseLost when it is not wanted any more."""
    thing = _hold(lease)
    if thing is None or db.session.execute(SUCCEEDED, lease.values).first() is None:
        raise LeaseLost(f"revision {lease.revision} of {lease.key.noun} {lease.key.id} is not wanted any more")
    values = {**_of(lease.key), "revision": lease.revision}
    db.session.execute(_serving(lease.key.noun), values)
    if lease.first:
        changes = {"deployed_revision": [thing.deployed_revision, lease.revision]}
        _tell(lease, thing, f" deployed {lease.what}", changes)


def fail(lease: Lease, reason: str) -> None:
    """The revision does not come up; what was deployed before goes on serving.

    Of something that was suspended or ended meanwhile nothing is told: it waits, or is moot. Raises LeaseLost.
    """
    thing = _hold(lease)
    if thing is None or thing.state != "active":
        release(lease)
        return
    told = _short(reason)
    if db.session.execute(FAILED, {**lease.values, "reason": told}).first() is None:
        raise LeaseLost(f"the deployment of revision {lease.revision} of {lease.key.noun} {lease.key.id} is not ours")
    if lease.first:
        _tell(lease, thing, f" failed to deploy: {told}", None)
    if thing.deployed_revision in (None, lease.revision):
        observe([Observed(lease.key, thing.deployed_revision, "error", told)])


def release(lease: Lease) -> None:
    """Give it back undone, to be tried again later and later: the engine was not there."""
    db.session.execute(RELEASE, lease.values)


class Observed(NamedTuple):
    """What was seen of something on the engine."""

    key: ResourceKey
    deployed_revision: int | None
    """What was deployed when it was looked at: what has been deployed since is not overwritten."""
    status: str | None
    reason: str = ""
    before: tuple[str | None, str] | None = None
    """Status and reason when it was looked at: what has been said since is not overwritten. None: whatever they are."""


def observe(seen: Sequence[Observed]) -> None:
    """Write down what was seen. Locked in order of id, so that two observers wait for each other."""
    for noun in TABLES:
        mine = [each for each in seen if each.key.noun == noun]
        if mine:
            values = {
                "organisations": [each.key.organisation_id for each in mine],
                "ids": [each.key.id for each in mine],
                "revisions": [each.deployed_revision for each in mine],
                "statuses": [each.status for each in mine],
                "reasons": [_short(each.reason) for each in mine],
                "statuses_before": [each.before[0] if each.before else None for each in mine],
                "reasons_before": [each.before[1] if each.before else None for each in mine],
            }
            db.session.execute(_observing(noun), values)


def one_at_a_time(organisation_id: int, project_id: int) -> None:
    """Wait until no other worker prepares the project on the engine; until COMMIT."""
    db.session.execute(ONE_AT_A_TIME, {"organisation": organisation_id, "project": project_id})


def cancel_ended(organisation_id: int | None = None) -> None:
    """Deployments of what has ended are moot; of one organisation, or of all."""
    for noun in TABLES:
        db.session.execute(_cancelling(noun), {"organisation": organisation_id})


def history(key: ResourceKey, before: int = LATEST, size: int = 10) -> list[Deployment]:
    """The deployments of one thing, newest first, from below a revision."""
    found = read(HISTORY, {**_of(key), "before": before, "size": size})
    return [Deployment(*row) for row in found]


def _hold(lease: Lease) -> "_Thing | None":
    # The resource before its deployment, as in a person's edit: whoever comes second waits instead of deadlocking.
    row = db.session.execute(_holding(lease.key.noun), {**_of(lease.key), "revision": lease.revision}).first()
    return None if row is None else _Thing(*row)


class _Thing(NamedTuple):
    name: str
    state: str
    deployed_revision: int | None
    project_id: int
    project_name: str


def _tell(lease: Lease, thing: _Thing, after: str, changes: dict[str, list[int | None]] | None) -> None:
    project = ProjectName(thing.project_id, thing.project_name)
    subject = Subject(lease.key.organisation_id, lease.key.noun, lease.key.id, thing.name, project)
    sentence = Sentence(f"{lease.key.noun.capitalize()} ", after)
    record(SYSTEM, Action.UPDATE, subject, changes, lease.cause, sentence)


def _short(reason: str) -> str:
    told = " ".join(reason.replace("\0", "").split())
    return told if len(told) <= REASON_MOST else f"{told[: REASON_MOST - 1]}…"


def _of(key: ResourceKey) -> dict[str, object]:
    return {"organisation": key.organisation_id, "noun": key.noun, "id": key.id}


def _waiting(what: str) -> list:  # type: ignore[type-arg]  # of what was asked for, or of keys
    return db.session.info.setdefault(what, [])  # type: ignore[no-any-return]


@cache
def _holding(noun: str) -> TextClause:
    return text(f"""
        SELECT thing.name, thing.state, deployed_revision, project_id, projects.name
          FROM {TABLES[noun]} AS thing
          JOIN projects ON projects.organisation_id = thing.organisation_id AND projects.id = project_id
         WHERE thing.organisation_id = :organisation AND thing.id = :id AND thing.ended_at IS NULL
           AND revision = :revision
           FOR UPDATE OF thing
    """)  # noqa: S608 (the names of a kind and its table)


@cache
def _serving(noun: str) -> TextClause:
    return text(f"""
        UPDATE {TABLES[noun]} SET deployed_revision = :revision, status = 'running', status_reason = ''
         WHERE organisation_id = :organisation AND id = :id
    """)  # noqa: S608 (the names of a kind and its table)


@cache
def _observing(noun: str) -> TextClause:
    return text(f"""
        WITH seen AS (
            SELECT * FROM unnest(
                    CAST(:organisations AS integer[]), CAST(:ids AS bigint[]), CAST(:revisions AS integer[]),
                    CAST(:statuses AS varchar[]), CAST(:reasons AS varchar[]),
                    CAST(:statuses_before AS varchar[]), CAST(:reasons_before AS varchar[]))
                AS each (organisation_id, id, seen_revision, new_status, new_reason, status_before, reason_before)
        ), held AS (
            SELECT thing.organisation_id, thing.id, new_status, new_reason
              FROM {TABLES[noun]} AS thing JOIN seen USING (organisation_id, id)
             WHERE deployed_revision IS NOT DISTINCT FROM seen_revision
               AND (reason_before IS NULL
                    OR (status, status_reason) IS NOT DISTINCT FROM (status_before, reason_before))
               AND ((status, status_reason) IS DISTINCT FROM (new_status, new_reason)
                    OR ended_at IS NOT NULL AND deployed_revision IS NOT NULL)
               AND (new_status IS NULL OR ended_at IS NULL OR deployed_revision IS NOT NULL)
             ORDER BY thing.organisation_id, thing.id FOR UPDATE OF thing)
        UPDATE {TABLES[noun]} AS thing
           SET status = new_status, status_reason = new_reason,
               deployed_revision = CASE WHEN ended_at IS NULL OR new_status IS NOT NULL THEN deployed_revision END
          FROM held WHERE thing.organisation_id = held.organisation_id AND thing.id = held.id
    """)  # noqa: S608 (the names of a kind and its table)


@cache
def _cancelling(noun: str) -> TextClause:
    return text(f"""
        UPDATE deployments SET status = 'cancelled', reason = 'it was terminated before', lease_until = NULL,
                               ended_at = clock_timestamp()
          FROM {TABLES[noun]} AS thing
         WHERE deployments.status = 'provisioning' AND noun = '{noun}'
           AND thing.organisation_id = deployments.organisation_id AND thing.id = resource_id
           AND thing.ended_at IS NOT NULL
           AND (CAST(:organisation AS integer) IS NULL OR deployments.organisation_id = :organisation)
    """)  # noqa: S608 (the names of a kind and its table)


INSERT = text("""
    WITH asked AS (
        SELECT * FROM unnest(
                CAST(:organisations AS integer[]), CAST(:nouns AS varchar[]), CAST(:ids AS bigint[]),
                CAST(:revisions AS integer[]), CAST(:whats AS varchar[]), CAST(:causes AS bigint[]))
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
""")
CLAIM = text("""
    UPDATE deployments SET token = token + 1, attempts = attempts + 1,
                           lease_until = clock_timestamp() + make_interval(secs => :lease)
     WHERE organisation_id = :organisation AND noun = :noun AND resource_id = :id AND revision = :revision
       AND status = :status AND due_at <= clock_timestamp()
       AND (lease_until IS NULL OR lease_until < clock_timestamp())
 RETURNING token, what, cause_number
""")
MINE = """
     WHERE organisation_id = :organisation AND noun = :noun AND resource_id = :id AND revision = :revision
       AND token = :token AND status IN ('provisioning', 'running')
"""
# A lease that has run out is over although nobody else has claimed the deployment yet: what it made may be removed.
STILL_MINE = f"{MINE} AND lease_until >= clock_timestamp()"
RENEW = text(f"""
    UPDATE deployments SET lease_until = clock_timestamp() + make_interval(secs => :lease) {STILL_MINE}
 RETURNING revision
""")  # noqa: S608 (a constant)
SUCCEEDED = text(f"""
    UPDATE deployments SET status = 'running', reason = '', attempts = 0, lease_until = NULL,
                           ended_at = COALESCE(ended_at, clock_timestamp())
    {MINE} RETURNING revision
""")  # noqa: S608
# Not the power of any number of attempts: the 1,024th is out of range.
LATER = (
    "due_at = clock_timestamp() + make_interval(secs => LEAST(power(2, LEAST(attempts, 9)), 300)), lease_until = NULL"
)
# What was up before stays "running": it got lost, and is tried again later and later.
FAILED = text(f"""
    UPDATE deployments SET reason = :reason, {LATER},
                           status = CASE WHEN status = 'provisioning' THEN 'error' ELSE status END,
                           ended_at = COALESCE(ended_at, clock_timestamp())
    {STILL_MINE} RETURNING revision
""")  # noqa: S608
RELEASE = text(f"UPDATE deployments SET {LATER} {MINE}")  # noqa: S608
ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(:organisation, :project)")
HISTORY = text("""
    SELECT revision, what, cause_number, status, reason, asked_at, ended_at FROM deployments
     WHERE organisation_id = :organisation AND noun = :noun AND resource_id = :id AND revision < :before
     ORDER BY revision DESC LIMIT :size
""")
