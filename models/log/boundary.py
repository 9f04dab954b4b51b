"""Where a moment lies in the log, and so how much happened between two of them, without counting an entry.

Times never run against numbers, and numbers have no gaps: what happened before a moment ends at one number, which a
binary search over the log's key finds, and the difference of two such numbers is the number of entries in between.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text

from models.database import read

# Some megabytes at most; a chart has about sixty.
REMEMBERED_MOST = 50_000
# What was found last, by organisation and moment. A search looks there first and believes nothing of it: as more is
# written, or once a backup was restored, it may be wrong.
REMEMBERED: dict[tuple[int, datetime], int] = {}


def began(organisation_id: int) -> datetime | None:
    """Finds when the first entry was written; None where there is none."""
    found = read(BEGAN, {"organisation": organisation_id})
    return found[0][0] if found else None


def boundary(organisation_id: int, moment: datetime) -> int:
    """Finds the number of the last entry before a moment, which is how many there were; 0 before the first one."""
    return boundaries(organisation_id, [moment])[0]


def boundaries(organisation_id: int, moments: Sequence[datetime]) -> list[int]:
    """Finds the number of the last entry before each of these moments, which come in order; all as of one instant."""
    guesses = [REMEMBERED.get((organisation_id, moment)) for moment in moments]
    values = {"organisation": organisation_id, "moments": list(moments), "guesses": guesses}
    found = [int(number) for (number,) in read(SEARCH, values)] or [0] * len(moments)
    if len(REMEMBERED) + len(moments) > REMEMBERED_MOST:
        REMEMBERED.clear()
    REMEMBERED.update({(organisation_id, moment): number for moment, number in zip(moments, found, strict=True)})
    return found


BEGAN = text("SELECT occurred_at FROM activity_entries WHERE organisation_id = :organisation AND number = 1")
# A guess is right from below if its entry came before the moment, and from above if the next one did not; a side that
# is wrong, or not guessed, begins at an end of the log. Each round then halves what is left for every moment. The LIMIT
# leaves PostgreSQL no other plan than a look by the key.
SEARCH = text("""
    WITH RECURSIVE search (place, moment, low, high) AS (
        SELECT place, moment,
               CASE WHEN (SELECT occurred_at FROM activity_entries
                           WHERE organisation_id = :organisation AND number = guess) < moment
                    THEN guess ELSE 0 END,
               CASE WHEN (SELECT occurred_at FROM activity_entries
                           WHERE organisation_id = :organisation AND number = guess + 1) >= moment
                    THEN guess ELSE head.last_number END
          FROM activity_heads AS head,
               unnest(CAST(:moments AS timestamptz[]), CAST(:guesses AS bigint[]))
                 WITH ORDINALITY AS wanted (moment, guess, place)
         WHERE head.organisation_id = :organisation
        UNION ALL
        SELECT place, moment,
               CASE WHEN entry.occurred_at < moment THEN entry.number ELSE low END,
               CASE WHEN entry.occurred_at < moment THEN high ELSE entry.number - 1 END
          FROM search, LATERAL (
            SELECT number, occurred_at FROM activity_entries
             WHERE organisation_id = :organisation AND number = (low + high + 1) / 2 LIMIT 1) AS entry
         WHERE low < high
    )
    SELECT low FROM search WHERE low >= high ORDER BY place
""")
