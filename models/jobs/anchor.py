"""Anchors: places outside the installation to which its newest checkpoint is to be brought, each a job for ever."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, NamedTuple

from sqlalchemy import text

from models.database import db, read
from models.jobs import lease
from models.jobs.lease import Lease
from models.jobs.queue import Queue
from models.log.proof.note import Signature

FILE = "file"
"""The anchor that is a file; witnesses have a plus sign in their names."""
DEGRADED = "degraded"
# Every checkpoint covers all before it, so that some may be left out while many are made.
PAUSE = timedelta(seconds=10)
# Longer than any anchor takes to be mended by itself.
PATIENCE = timedelta(hours=24)


class AnchorKey(NamedTuple):
    """The primary key of an anchor, and the address that a hint carries."""

    name: str


class Place(NamedTuple):
    """Which checkpoint of the installation's log; a later one is greater."""

    epoch: int
    size: int


class Published(NamedTuple):
    """A checkpoint of the installation's log."""

    place: Place
    note: str


ANCHORS = Queue(
    table="anchors",
    key=AnchorKey._fields,
    rank=5,
    insert=text("INSERT INTO anchors (name) SELECT * FROM unnest(CAST(:name AS text[])) RETURNING name"),
    address=AnchorKey,
    lease_seconds=60,
    brings=("epoch", "size"),
    ended_at="succeeded_at",
)


@dataclass(frozen=True)
class AnchorLease(Lease[AnchorKey]):
    """The right to bring checkpoints to an anchor."""

    queue: ClassVar[Queue] = ANCHORS

    epoch: int
    size: int

    def __str__(self) -> str:
        """As a log names it."""
        return f"anchor {self.key.name}"

    @property
    def reached(self) -> Place:
        """Which checkpoint is there already."""
        return Place(self.epoch, self.size)

    def reach(self, place: Place) -> None:
        """A checkpoint is there now. Raises LeaseLost."""
        values = {**self.values, **place._asdict(), "pause": PAUSE}
        self.require(db.session.execute(REACH, values).first())

    def alarm(self, error: str) -> None:
        """Say that what is there contradicts what is here, which no further attempt will mend. Raises LeaseLost."""
        self.fail(error)
        db.session.execute(ALARM, self.key._asdict())


class Anchor(NamedTuple):
    """How an anchor fares."""

    name: str
    is_alarming: bool
    """Whether what is there contradicts what is here."""
    succeeded_at: datetime | None
    error: str | None
    waits_since: datetime | None
    """When the oldest checkpoint was made that is not there; None when the newest is."""

    def is_late(self, now: datetime) -> bool:
        """Whether checkpoints have not got there for too long."""
        return self.waits_since is not None and self.waits_since < now - PATIENCE


def configure(names: Collection[str]) -> None:
    """Have these anchors and no others: what is new begins, and what is not named is switched off."""
    values = {"names": list(names)}
    db.session.execute(ADD, values)
    db.session.execute(SWITCH, values)


def overdue() -> list[AnchorKey]:
    """The anchors that checkpoints wait for, and that nobody is at."""
    return [AnchorKey(*row) for row in db.session.execute(OVERDUE)]


def anchors() -> list[Anchor]:
    """Returns how those that are configured fare."""
    return [Anchor(*row) for row in read(ALL, {})]


def are_late() -> bool:
    """Whether checkpoints have got to no place outside for too long, or a witness contradicts."""
    return str(read(text(STATE), {})[0][0]) == DEGRADED


def published_since(place: Place) -> list[Published]:
    """Returns the checkpoints after one, oldest first; of many, only the first."""
    return [Published(Place(epoch, size), note) for epoch, size, note in read(SINCE, place._asdict())]


def keep_cosignature(place: Place, witness: str, line: Signature) -> None:
    """Keep what a witness has said of a checkpoint of the installation; a second word of it adds nothing."""
    db.session.execute(COSIGN, {**place._asdict(), "witness": witness, "line": str(line)})


IS_BEHIND = """
    EXISTS (SELECT FROM activity_checkpoints AS made
             WHERE made.organisation_id = 0 AND (made.epoch, made.size) > (anchors.epoch, anchors.size))
"""
IS_OVERDUE = f"EXISTS (SELECT FROM anchors WHERE {lease.is_overdue(ANCHORS)} AND {IS_BEHIND})"
ARE_OTHERS = """
    (SELECT array_agg(name ORDER BY name) FROM anchors WHERE state = 'ready')
        IS DISTINCT FROM (SELECT array_agg(name ORDER BY name) FROM unnest(CAST(:anchors AS text[])) AS name)
"""
"""Whether others are configured than those named."""
ADD = text("INSERT INTO anchors (name) SELECT unnest(CAST(:names AS text[])) ON CONFLICT DO NOTHING")
SWITCH = text("""
    UPDATE anchors SET state = CASE WHEN name = ANY(CAST(:names AS text[])) THEN 'ready' ELSE 'off' END,
                       added_at = clock_timestamp(), due_at = clock_timestamp(), attempts = 0
     WHERE (state = 'ready') <> (name = ANY(CAST(:names AS text[])))
""")
OVERDUE = text(f"SELECT name FROM anchors WHERE {lease.is_overdue(ANCHORS)} AND {IS_BEHIND} ORDER BY name")
REACH = text(f"""
    UPDATE anchors SET epoch = :epoch, size = :size, succeeded_at = clock_timestamp(), error = NULL,
                       is_alarming = false, attempts = 0, lease_until = NULL, due_at = clock_timestamp() + :pause
     WHERE {ANCHORS.is_held}
 RETURNING token
""")
ALARM = text("UPDATE anchors SET is_alarming = true WHERE name = :name")
SINCE = text("""
    SELECT epoch, size, note FROM activity_checkpoints
     WHERE organisation_id = 0 AND (epoch, size) > (CAST(:epoch AS integer), CAST(:size AS bigint))
     ORDER BY epoch, size LIMIT 1000
""")
# One that was configured a moment ago is not late with what was made before.
ALL = text("""
    SELECT name, is_alarming, succeeded_at, error,
           (SELECT GREATEST(made.at, added_at) FROM activity_checkpoints AS made
             WHERE made.organisation_id = 0 AND (made.epoch, made.size) > (anchors.epoch, anchors.size)
             ORDER BY made.epoch, made.size LIMIT 1)
      FROM anchors WHERE state = 'ready' ORDER BY name
""")
# One word for /healthz, which asks with a connection of its own.
STATE = f"""
    SELECT CASE WHEN bool_or(is_alarming) OR bool_and(EXISTS (
                     SELECT FROM activity_checkpoints AS made
                      WHERE made.organisation_id = 0 AND (made.epoch, made.size) > (anchors.epoch, anchors.size)
                        AND GREATEST(made.at, added_at) < clock_timestamp() - interval '{PATIENCE.total_seconds()} s'))
                THEN '{DEGRADED}' ELSE 'ok' END
      FROM anchors WHERE state = 'ready'
"""
COSIGN = text("""
    INSERT INTO activity_cosignatures (organisation_id, epoch, size, witness, line)
    VALUES (0, :epoch, :size, :witness, :line) ON CONFLICT DO NOTHING
""")
