"""What was seen of the things that run on the engine; written without a new version, so that no edit conflicts.

It decides what is paid for: what was deployed last is used from when it is seen running until it is seen otherwise, and
the same statement that writes down what was seen adds the difference to usage_changes.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from sqlalchemy import TextClause, text

from models.database import db

REASON_MOST = 300
TABLES: dict[str, str] = {}
"""The table of each noun that can be deployed; models/kinds/catalogue.py enters the kinds that run."""
USES: dict[str, str] = {}
"""How much of each item on the price list one of them uses, as SQL; entered with the tables."""


class ResourceKey(NamedTuple):
    """The address of something that runs: what a hint carries."""

    organisation_id: int
    noun: str
    id: int


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
    """Write down what was seen. Rows are locked in order of id, so that two observers wait for each other."""
    for noun in TABLES:
        mine = [each for each in seen if each.key.noun == noun]
        if mine:
            values = {
                "organisations": [each.key.organisation_id for each in mine],
                "ids": [each.key.id for each in mine],
                "revisions": [each.deployed_revision for each in mine],
                "statuses": [each.status for each in mine],
                "reasons": [shortened(each.reason) for each in mine],
                "statuses_before": [each.before[0] if each.before else None for each in mine],
                "reasons_before": [each.before[1] if each.before else None for each in mine],
            }
            db.session.execute(_observe(noun), values)


def observe_deployed(key: ResourceKey, revision: int) -> None:
    """Write down that a revision is up and serves."""
    values = {"organisation": key.organisation_id, "id": key.id, "revision": revision}
    db.session.execute(_observe_deployed(key.noun), values)


def shortened(reason: str) -> str:
    """A reason in one line that is not too long to be kept."""
    line = " ".join(reason.replace("\0", "").split())
    return line if len(line) <= REASON_MOST else f"{line[: REASON_MOST - 1]}…"


@cache
def _observe(noun: str) -> TextClause:
    return text(f"""
        WITH seen AS (
            SELECT * FROM unnest(
                    CAST(:organisations AS integer[]), CAST(:ids AS bigint[]), CAST(:revisions AS integer[]),
                    CAST(:statuses AS varchar[]), CAST(:reasons AS varchar[]),
                    CAST(:statuses_before AS varchar[]), CAST(:reasons_before AS varchar[]))
                AS each (organisation_id, id, seen_revision, new_status, new_reason, status_before, reason_before)
        ), held AS (
            SELECT thing.organisation_id, thing.id, new_status, new_reason, deployed_uses,
                   CASE WHEN ended_at IS NULL
                        THEN (new_status IS NOT DISTINCT FROM 'running')::integer
                             - (status IS NOT DISTINCT FROM 'running')::integer ELSE 0 END AS times
              FROM {TABLES[noun]} AS thing JOIN seen USING (organisation_id, id)
             WHERE deployed_revision IS NOT DISTINCT FROM seen_revision
               AND (reason_before IS NULL
                    OR (status, status_reason) IS NOT DISTINCT FROM (status_before, reason_before))
               AND ((status, status_reason) IS DISTINCT FROM (new_status, new_reason)
                    OR ended_at IS NOT NULL AND deployed_revision IS NOT NULL)
               AND (new_status IS NULL OR ended_at IS NULL OR deployed_revision IS NOT NULL)
             ORDER BY thing.organisation_id, thing.id FOR UPDATE OF thing
        ), counted AS (
            INSERT INTO usage_changes (organisation_id, cpu_millicores, memory_mib, cache_mib)
            SELECT organisation_id, sum(times * deployed_uses[1]), sum(times * deployed_uses[2]),
                   sum(times * deployed_uses[3])
              FROM held WHERE times <> 0 GROUP BY organisation_id)
        UPDATE {TABLES[noun]} AS thing
           SET status = new_status, status_reason = new_reason,
               deployed_revision = CASE WHEN ended_at IS NULL OR new_status IS NOT NULL THEN deployed_revision END
          FROM held WHERE thing.organisation_id = held.organisation_id AND thing.id = held.id
    """)


@cache
def _observe_deployed(noun: str) -> TextClause:
    # An older revision that is brought up again uses what it used before.
    return text(f"""
        WITH held AS (
            SELECT organisation_id, id,
                   CASE WHEN status = 'running' AND ended_at IS NULL THEN deployed_uses ELSE '{{0,0,0}}' END AS before,
                   CASE WHEN revision = :revision THEN ARRAY[{USES[noun]}]::bigint[] ELSE deployed_uses END AS uses,
                   ended_at
              FROM {TABLES[noun]} WHERE organisation_id = :organisation AND id = :id FOR UPDATE
        ), counted AS (
            INSERT INTO usage_changes (organisation_id, cpu_millicores, memory_mib, cache_mib)
            SELECT organisation_id, uses[1] - before[1], uses[2] - before[2], uses[3] - before[3]
              FROM held WHERE ended_at IS NULL AND uses <> before)
        UPDATE {TABLES[noun]} AS thing
           SET deployed_revision = :revision, deployed_uses = uses, status = 'running', status_reason = ''
          FROM held WHERE thing.organisation_id = held.organisation_id AND thing.id = held.id
    """)
