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
from models.log.feed import ALONE, END_OF_RUN, IN_FEED, LATEST, SHOWN, STORED, WITH_RUN

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
    far: str
    """The time at which the numbers that are asked for end on this side."""
    walked: str
    """The number of the last one of so many entries that lie beside each other."""
    first: str
    """The first number on this side of the edge."""
    last: str


_TIME = """SELECT COALESCE((SELECT occurred_at FROM activity_entries
             WHERE organisation_id = :organisation AND number {} {} ORDER BY number {} LIMIT 1), '{}') AS at"""
DOWN = Direction(
    "<",
    "DESC",
    "max",
    0,
    ">=",
    "LEAST(:edge, (SELECT last_number FROM head) + 1) - {number}",
    _TIME.format(">=", "LEAST(:edge, :highest + 1)", "ASC", "infinity"),
    _TIME.format(">=", ":lowest", "ASC", "infinity"),
    "last - {count} + 1",
    "1",
    "LEAST(:edge - 1, (SELECT last_number FROM head))",
)
UP = Direction(
    ">",
    "ASC",
    "min",
    LATEST,
    "<=",
    "{number} - :edge",
    _TIME.format("<=", "GREATEST(:edge, :lowest - 1)", "DESC", "-infinity"),
    _TIME.format("<=", ":highest", "DESC", "-infinity"),
    "first + {count} - 1",
    ":edge + 1",
    "(SELECT last_number FROM head)",
)


@lru_cache(maxsize=TEXTS_KEPT)
def statement(
    direction: Direction, condition: str, asked: tuple[tuple[str, int], ...], offered: tuple[Way, ...]
) -> TextClause:
    """The query of a page: only constants of the modules of the log are put into the text.

    Where there are several ways, a sample of each says along which one a look at so many entries gets furthest.
    """
    of_run = condition.endswith("run")
    base = OF_SCOPE.get(condition)
    # What a fold holds lies beside each other, and no other way is shorter.
    possible = (
        [WALK] if of_run else [*filter(None, [base]), *offered, *([] if base or _is_all(offered, asked) else [WALK])]
    )
    parts = [f"head AS MATERIALIZED ({HEAD})"]
    for place, way in enumerate(possible):
        lists = _walks(direction, of_run) if way is WALK else way.lists
        parts.append(f"list_{place} AS MATERIALIZED ({lists})")
    parts.append(f"way AS MATERIALIZED ({_choice(direction, possible)})")
    found = " UNION ALL ".join(
        _along(
            direction,
            place,
            way,
            [*_not_implied(way, asked), *([IN_SCOPE[condition]] if condition in IN_SCOPE and way is not base else [])],
            len(possible) > 1,
        )
        for place, way in enumerate(possible)
    )
    parts.append(f"found AS MATERIALIZED ({found})")
    return page_text(direction, condition, parts)


def page_text(direction: Direction, condition: str, parts: Sequence[str]) -> TextClause:
    """The query of a page of what was found, which is the last of its parts: "found", with numbers and how far."""
    return text(
        _PAGE.format(
            parts=", ".join(parts),
            columns=STORED,
            shown=WITH_RUN[""] if condition in IN_FEED else ALONE,
            nearest=direction.nearest,
            reached=direction.reached,
            order=direction.order,
            end=direction.end,
            edge=direction.edge,
            far=direction.far,
        )
    )


def _not_implied(way: Way, asked: tuple[tuple[str, int], ...]) -> list[str]:
    """What is to be looked at along a way."""
    return [sql for sql, place in asked if place not in way.implies]


def _is_all(offered: tuple[Way, ...], asked: tuple[tuple[str, int], ...]) -> bool:
    """Whether a single way leads to what is asked for and nothing else."""
    return len(offered) == 1 and not _not_implied(offered[0], asked)


def _walks(direction: Direction, of_run: bool) -> str:
    """What is left of the ranges from the edge on: numbers have no gaps, so that the ends of a walk are known."""
    first, last = f"GREATEST(first, {direction.first})", f"LEAST(last, {direction.last})"
    if of_run:
        first, last = f"GREATEST({first}, :run)", f"LEAST({last}, ({END_OF_RUN}))"
    return f"""SELECT * FROM (SELECT {first} AS first, {last} AS last
              FROM unnest(CAST(:firsts AS bigint[]), CAST(:lasts AS bigint[])) AS range (first, last)) AS left_of
             WHERE first <= last"""


def inner(direction: Direction, way: Way, columns: str, near: str = "true") -> str:
    """The entries of one list from the edge on, of which `near` is true."""
    by = _order(direction, way)
    if way is WALK:
        left = ""
    elif way.by_time:
        # A sum is in no index: that of the log's key, which leads to everything, is not to look like a way.
        left = f"""AND number + 0 {direction.beyond} :edge AND number + 0 BETWEEN :lowest AND :highest
           AND occurred_at {direction.beyond}= (SELECT at FROM edge)
           AND occurred_at {direction.reached} (SELECT at FROM far)"""
    else:
        left = f"AND number {direction.beyond} :edge AND number BETWEEN :lowest AND :highest"
    return f"""SELECT {columns} FROM activity_entries AS entry
         WHERE organisation_id = :organisation AND {way.of_list} {left} AND {near} ORDER BY {by}"""


def _order(direction: Direction, way: Way) -> str:
    return f"occurred_at {direction.order}, number {direction.order}" if way.by_time else f"number {direction.order}"


def _along(direction: Direction, place: int, way: Way, wanted: Sequence[str], is_choice: bool) -> str:
    """What is found in each list of a way, and how far that was looked at."""
    share = f"(SELECT GREATEST({_most(way)} / GREATEST(count(*), 1), 1) FROM list_{place})"
    last = "min" if direction is DOWN else "max"
    if way is WALK:
        end = f"CASE WHEN last - first >= {share} THEN {direction.walked.format(count=share)} END"
    else:
        end = f"""(SELECT CASE WHEN count(*) >= {share} THEN {last}(number) END
                    FROM ({inner(direction, way, "number")} LIMIT {share}) AS entry)"""
    return f"""
        SELECT hits.numbers,
               CASE WHEN hits.count >= :limit THEN hits.farthest ELSE COALESCE({end}, {direction.end}) END AS looked
          FROM list_{place} AS list, LATERAL (
            SELECT array_agg(number) AS numbers, count(*) AS count, {last}(number) AS farthest FROM (
                SELECT number FROM ({inner(direction, way, "*")} LIMIT {share}) AS entry
                 WHERE {" AND ".join(wanted) or "true"} {SHOWN}
                 ORDER BY {_order(direction, way)} LIMIT :limit) AS hit) AS hits
         {f"WHERE (SELECT way FROM way) = {place}" if is_choice else ""}"""


def _most(way: Way) -> str:
    """How many entries are looked at: beside each other or, at twice the cost, here and there."""
    return ":most" if way is WALK else ":most / 2"


def _choice(direction: Direction, possible: Sequence[Way]) -> str:
    """The place of the way that leads furthest; the last one where others are too many lists."""
    if len(possible) == 1:
        return "SELECT 0 AS way"
    each = " UNION ALL ".join(
        f"""SELECT {place} AS way, CASE
                WHEN size = 0 THEN {ENDLESS}
                WHEN size <= {MANY} THEN (
                    SELECT min(COALESCE(({_most(way)} / {SAMPLE}) * ({_sampled(direction, way)}), {ENDLESS})) / size
                      FROM list_{place} AS list) END AS distance
              FROM (SELECT count(*) AS size FROM list_{place}) AS lists"""
        for place, way in enumerate(possible)
    )
    return f"SELECT way FROM ({each}) AS possible WHERE distance IS NOT NULL ORDER BY distance DESC, way LIMIT 1"


def _sampled(direction: Direction, way: Way) -> str:
    """How far from the edge the last entry of a sample of one list lies; nothing where the list has fewer."""
    if way is WALK:
        reached = direction.from_edge.format(number=f"({direction.walked.format(count=SAMPLE)})")
        return f"CASE WHEN last - first >= {SAMPLE - 1} THEN {reached} END"
    return f"""SELECT CASE WHEN count(*) = {SAMPLE} THEN max({direction.from_edge.format(number="number")}) END
                 FROM ({inner(direction, way, "number")} LIMIT {SAMPLE}) AS sampled"""


HEAD = "SELECT last_number FROM activity_heads WHERE organisation_id = :organisation"
WALK = Way("", "number BETWEEN list.first AND list.last", frozenset({RANGES}))
"""Through everything within ranges of numbers."""
# The rows come in one array a list: what is beyond the nearest end of a look is not known to be complete.
_PAGE = """
    WITH edge AS MATERIALIZED ({edge}), far AS MATERIALIZED ({far}), {parts}, looked AS MATERIALIZED (
        SELECT number, (SELECT occurred_at FROM activity_entries AS reached
                         WHERE organisation_id = :organisation AND reached.number = far.number) AS at
          FROM (SELECT NULLIF({nearest}(looked), {end}) AS number FROM found) AS far
    ), entry AS MATERIALIZED (
        SELECT organisation_id, {columns} FROM activity_entries
         WHERE organisation_id = :organisation AND number = ANY(ARRAY(
            SELECT DISTINCT number FROM found, unnest(numbers) AS number
             WHERE number {reached} COALESCE((SELECT number FROM looked), {end})
             ORDER BY number {order} LIMIT :limit)))
    SELECT head.last_number, looked.number, looked.at, page.*
      FROM head CROSS JOIN looked LEFT JOIN ({shown}) AS page ON true
     ORDER BY page.number {order}
"""
