"""What was seen of the things that run on the engine; written without a new version, so that no edit conflicts."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from sqlalchemy import TextClause, text

from models.database import db

REASON_MOST = 300
TABLES: dict[str, str] = {}
"""The table of each noun that can be deployed; models/kinds/catalogue.py enters the kinds that run."""


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
    """)


@cache
def _observe_deployed(noun: str) -> TextClause:
    return text(f"""
        UPDATE {TABLES[noun]} SET deployed_revision = :revision, status = 'running', status_reason = ''
         WHERE organisation_id = :organisation AND id = :id
    """)
