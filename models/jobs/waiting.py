"""What waits for an engine that cannot do it now, for the platform's operator."""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import text

from models.database import read
from models.installation import NO_ENGINE
from models.jobs.fault import Fault

# Longer than the longest wait between two attempts: what was not tried again since then does not wait any more.
LASTING = timedelta(minutes=10)


class Waiting(NamedTuple):
    """Deployments, in all organisations, that the engine could not carry out when they were last tried."""

    fault: Fault
    deployments: int
    next_at: datetime
    """When the first of them is tried again."""


def waiting(now: datetime) -> list[Waiting]:
    """Returns what waits, by fault, the most frequent first."""
    found = read(WAITING, {"from": now - LASTING})
    return [Waiting(Fault(fault), count, next_at) for fault, count, next_at in found]


STILL = "fault IS NOT NULL AND status IN ('provisioning', 'running')"
WAITING = text(f"""
    SELECT fault, count(*), min(due_at) FROM deployments WHERE {STILL} AND due_at > :from
     GROUP BY fault ORDER BY 2 DESC, 1
""")
# One word for /healthz, which asks with a connection of its own.
STATE = f"""
    SELECT CASE WHEN engine IS NULL OR engine = '{NO_ENGINE}' THEN 'none'
                WHEN engine_error IS NOT NULL
                  OR EXISTS (SELECT FROM deployments
                              WHERE {STILL} AND due_at > clock_timestamp() - interval '{LASTING.seconds} seconds')
                THEN 'degraded' ELSE 'ok' END
      FROM (SELECT) AS one LEFT JOIN platform ON true
"""
