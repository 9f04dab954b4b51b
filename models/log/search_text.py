"""The statement of a search: along one of several ways to what is asked for, looking at so many entries and no more.

A way is a number of lists of entries, each of which an index has in order. Of each list the same share is looked at.
Where a list was left before its end, nothing is known of what lies beyond, in this list or beside it in others: a page
holds what was found up to the nearest such place.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import TextClause, text

from models.log.conditions import MANY, Way
from models.log.feed import ALONE, IN_FEED, LATEST, OF_RUN, SHOWN, STORED, WITH_RUN

SAMPLE = 16
ENDLESS = 2**62
# The places of conditions that no single term makes.
RANGES, UNTIL = -1, -2
# As many kinds of query are kept as text; people may think of any number of them.
TEXTS_KEPT = 200
OF_SCOPE = {
    "project": Way("SELECT CAST(:project AS integer) AS key", "project_id = list.key"),
    "resource": Way(
        "SELECT CAST(:noun AS activity_resource) AS kind, CAST(:resource AS bigint) AS key",
        "resource_type = list.kind AND resource_id = list.key",
    ),
    "cause": Way("SELECT CAST(:cause AS bigint) AS key", "cause_number = list.key"),
}
IN_SCOPE = {
    "project": "project_id = :project",
    "project run": "project_id = :project",
    "resource": "resource_type = CAST(:noun AS activity_resource) AND resource_id = :resource",
    "cause": "cause_number = :cause",
}


class Direction(NamedTuple):
    """Which way a page is read."""

    beyond: str
    order: str
    nearest: str
    """What puts together how far several lists were looked at."""
    end: int
    """How far a list was looked at that was looked at to its end."""
    reached: str
    from_edge: str
    edge: str
    """The time of the edge, or of the entry next to it that there is."""


_TIME = """SELECT COALESCE((SELECT occurred_at FROM activity_entries
             WHERE organisation_id = :organisation AND number {} :edge ORDER BY number {} LIMIT 1), '{}') AS at"""
DOWN = Direction(
    "<",
    "DESC",
    "max",
    0,
    ">=",
    "LEAST(:edge, (SELECT last_number FROM head) + 1) - number",
    _TIME.format(">=", "ASC", "infinity"),
)
UP = Direction(">", "ASC", "min", LATEST, "<=", "number - :edge", _TIME.format("<=", "DESC", "-infinity"))


@lru_cache(maxsize=TEXTS_KEPT)
def statement(
    direction: Direction, condition: str, asked: tuple[tuple[str, int], ...], offered: tuple[Way, ...]
) -> TextClause:
    """The query of a page: only constants of the modules of the log are put into the text.

    Where there are several ways, a sample of each says along which one a look at so many entries gets furthest.
    """
    of_run = OF_RUN if condition.endswith("run") else ""
    base = OF_SCOPE.get(condition)
    # What a fold holds lies beside each other, and no other way is shorter.
    possible = (
        [WALK] if of_run else [*filter(None, [base]), *offered, *([] if base or _is_all(offered, asked) else [WALK])]
    )
    parts = [f"head AS MATERIALIZED ({HEAD})"]
    for place, way in enumerate(possible):
        parts.append(f"list_{place} AS MATERIALIZED ({way.lists})")
    parts.append(f"way AS MATERIALIZED ({_choice(direction, possible, of_run)})")
    found = " UNION ALL ".join(
        _along(
            direction,
            place,
            way,
            [*_not_implied(way, asked), *([IN_SCOPE[condition]] if condition in IN_SCOPE and way is not base else [])],
            of_run,
            len(possible) > 1,
        )
        for place, way in enumerate(possible)
    )
    parts.append(f"found AS MATERIALIZED ({found})")
    shown = WITH_RUN[""] if condition in IN_FEED else ALONE
    return text(
        _PAGE.format(
            parts=", ".join(parts),
            columns=STORED,
            shown=shown,
            nearest=direction.nearest,
            reached=direction.reached,
            order=direction.order,
            end=direction.end,
            edge=direction.edge,
        )
    )


def _not_implied(way: Way, asked: tuple[tuple[str, int], ...]) -> list[str]:
    """What is to be looked at along a way."""
    return [sql for sql, place in asked if place not in way.implies]


def _is_all(offered: tuple[Way, ...], asked: tuple[tuple[str, int], ...]) -> bool:
    """Whether a single way leads to what is asked for and nothing else."""
    return len(offered) == 1 and not _not_implied(offered[0], asked)


def _inner(direction: Direction, way: Way, columns: str, of_run: str) -> str:
    """The entries of one list from the edge on."""
    by = f"occurred_at {direction.order}, number {direction.order}" if way.by_time else f"number {direction.order}"
    time = f"AND occurred_at {direction.beyond}= (SELECT at FROM edge)" if way.by_time else ""
    # A sum is in no index: that of the log's key, which leads to everything, is not to look like a way.
    number = "number + 0" if way.by_time else "number"
    return f"""SELECT {columns} FROM activity_entries AS entry
         WHERE organisation_id = :organisation AND {way.of_list} AND {number} {direction.beyond} :edge
           AND {number} BETWEEN :lowest AND :highest {time} {of_run} ORDER BY {by}"""


def _along(
    direction: Direction,
    place: int,
    way: Way,
    wanted: Sequence[str],
    of_run: str,
    is_choice: bool,
) -> str:
    """What is found in each list of a way, and how far that was looked at."""
    by = f"occurred_at {direction.order}, number {direction.order}" if way.by_time else f"number {direction.order}"
    share = f"(SELECT GREATEST({_most(way)} / GREATEST(count(*), 1), 1) FROM list_{place})"
    last = "min" if direction is DOWN else "max"
    return f"""
        SELECT hits.numbers, CASE WHEN hits.count >= :limit THEN hits.last ELSE COALESCE(
                 (SELECT CASE WHEN count(*) >= {share} THEN {last}(number) END
                    FROM ({_inner(direction, way, "number", of_run)} LIMIT {share}) AS entry),
                 {direction.end}) END AS looked
          FROM list_{place} AS list, LATERAL (
            SELECT array_agg(number) AS numbers, count(*) AS count, {last}(number) AS last FROM (
                SELECT number FROM ({_inner(direction, way, "*", of_run)} LIMIT {share}) AS entry
                 WHERE {" AND ".join(wanted) or "true"} {SHOWN} ORDER BY {by} LIMIT :limit) AS hit) AS hits
         {f"WHERE (SELECT way FROM way) = {place}" if is_choice else ""}"""


def _most(way: Way) -> str:
    """How many entries are looked at: beside each other or, at twice the cost, here and there."""
    return ":most" if way is WALK else ":most / 2"


def _choice(direction: Direction, possible: Sequence[Way], of_run: str) -> str:
    """The place of the way that leads furthest; the last one where others are too many lists."""
    if len(possible) == 1:
        return "SELECT 0 AS way"
    each = " UNION ALL ".join(
        f"""SELECT {place} AS way, (
            SELECT CASE WHEN count(*) > {MANY} THEN NULL WHEN count(*) = 0 THEN {ENDLESS}
                        ELSE min(COALESCE(({_most(way)} / {SAMPLE}) * (
                            SELECT CASE WHEN count(*) = {SAMPLE} THEN max({direction.from_edge}) END
                              FROM ({_inner(direction, way, "number", of_run)} LIMIT {SAMPLE}) AS sampled
                            ), {ENDLESS})) / count(*) END
              FROM list_{place} AS list) AS distance"""
        for place, way in enumerate(possible)
    )
    return f"SELECT way FROM ({each}) AS possible WHERE distance IS NOT NULL ORDER BY distance DESC, way LIMIT 1"


HEAD = "SELECT last_number FROM activity_heads WHERE organisation_id = :organisation"
WALK = Way(
    "SELECT first, last FROM unnest(CAST(:firsts AS bigint[]), CAST(:lasts AS bigint[])) AS list (first, last)",
    "number BETWEEN list.first AND list.last",
    frozenset({RANGES}),
)
# The rows come in one array a list: what is beyond the nearest end of a look is not known to be complete.
_PAGE = """
    WITH edge AS MATERIALIZED ({edge}), {parts}, looked AS MATERIALIZED (
        SELECT NULLIF({nearest}(looked), {end}) AS number FROM found
    ), entry AS MATERIALIZED (
        SELECT organisation_id, {columns} FROM activity_entries
         WHERE organisation_id = :organisation AND number = ANY(ARRAY(
            SELECT DISTINCT number FROM found, unnest(numbers) AS number
             WHERE number {reached} COALESCE((SELECT number FROM looked), {end})
             ORDER BY number {order} LIMIT :limit)))
    SELECT head.last_number, looked.number,
           (SELECT occurred_at FROM activity_entries AS reached
             WHERE organisation_id = :organisation AND reached.number = looked.number), page.*
      FROM head CROSS JOIN looked LEFT JOIN ({shown}) AS page ON true
     ORDER BY page.number {order}
"""
