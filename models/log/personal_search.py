"""A search of what one person did in several organisations, which share how many entries one request looks at."""

from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import TextClause, text

from models.database import read
from models.log.conditions import conditions, multirange
from models.log.feed import COLUMNS, SIZE, Looked, Page, Row, row_of
from models.log.personal import CAUSED, HEADS, NEWEST, Cursor, Organisations, cursor_of
from models.log.query import Query, moments, numbers
from models.log.search import LOOKED_AT, Asker, is_over

# One for each combination of keys, which are asked for again and again.
KEPT_MOST = 500
RANGED = (
    "occurred_at <@ CAST(:times AS tstzmultirange)",
    "number <@ CAST(:numbers AS int8multirange)",
)


class PersonalSearch(NamedTuple):
    """A query in the feed of what one person did, as someone asks it."""

    person_id: int
    organisations: Organisations
    moneyless: frozenset[int]
    query: Query
    asker: Asker
    most: int = LOOKED_AT
    """How many entries one request looks at, the same number in each organisation."""

    def page(self, before: Cursor = NEWEST, size: int = SIZE) -> Page:
        """Reads the `size` entries before a cursor that the query finds, newest first. Raises BadQuery.

        A page that is not full says how far back it has looked, unless that is everything.
        """
        head, edge, rows = self._found("<", before, size + 1)
        if len(rows) > size:
            return Page(rows[:size], str(cursor_of(rows[size - 1])), head)
        return Page(rows, str(edge), head, looked=Looked(edge.number, edge.at)) if edge else Page(rows, None, head)

    def page_above(self, after: Cursor, size: int = SIZE) -> Page:
        """Reads the `size` entries above a cursor that the query finds, newest first. Raises BadQuery."""
        head, edge, rows = self._found(">", after, size + 1)
        if len(rows) > size:
            return Page(rows[size - 1 :: -1], None, head, str(cursor_of(rows[size - 1])))
        above, looked = (str(edge), Looked(edge.number, edge.at)) if edge else (None, None)
        return Page(rows[::-1], None, head, above, looked)

    def is_over(self, _head: int) -> bool:
        """Whether nothing that is still to be written can be found; heads of several logs bound no number of one."""
        return is_over(self.query, self.asker)

    def newer(self, after: Cursor, size: int = 4 * SIZE) -> list[Row]:
        """Reads up to `size` entries that follow a cursor and that the query finds, newest first."""
        return self._found(">", after, size).rows[::-1]

    def _found(self, side: str, edge: Cursor, limit: int) -> "_Found":
        names = {each.id: each for each in self.organisations}
        head, *found = read(*self.question(side, edge, limit))
        end = Cursor(*head[1:4]) if head[1] is not None else None
        rows = [row_of(names[each[4]], each[5:]) for each in (head, *found) if each[4] is not None]
        return _Found(head[0], end, rows)

    def question(self, side: str, edge: Cursor, limit: int) -> tuple[TextClause, dict[str, Any]]:
        """Returns the statement of a page on one side of a cursor, and its values. Raises BadQuery."""
        asked = list(conditions(self.query, self.asker.user_id))
        values = {name: value for each in asked for name, value in each.values.items()}
        spans = moments(self.query, self.asker.zone, self.asker.now)
        values |= {"times": multirange(spans), "numbers": multirange(numbers(self.query))}
        values |= {"organisations": [each.id for each in self.organisations], "moneyless": list(self.moneyless)}
        values |= {
            "user": self.person_id,
            "limit": limit,
            "share": max(1, self.most // max(1, len(self.organisations))),
        }
        return _page(side, tuple(each.sql for each in asked)), values | edge._asdict()


class _Found(NamedTuple):
    head: int
    edge: Cursor | None
    """How far all of the organisations have been looked through; None where that is to the end."""
    rows: list[Row]
    """In the order of the walk."""


def _walked(side: str, columns: str) -> str:
    order = "DESC" if side == "<" else "ASC"
    return f"""
        SELECT {columns} FROM activity_entries
         WHERE organisation_id = mine.id AND actor_id = :user AND occurred_at {side}= :at
           AND (occurred_at, organisation_id, number) {side} (:at, :organisation_id, :number)
           AND (resource_type <> 'billing' OR mine.id <> ALL (CAST(:moneyless AS integer[])))
         ORDER BY occurred_at {order}, number {order} LIMIT :share"""


@lru_cache(maxsize=KEPT_MOST)
def _page(side: str, asked: tuple[str, ...]) -> TextClause:
    """The statement of a page: only constants of the modules of the log are put into the text.

    Of each organisation that was not looked through to its end, it finds the entry at which that stopped. What lies
    beyond the nearest of these has been looked at in some of the organisations only.
    """
    order, back, beyond = ("DESC", "ASC", ">") if side == "<" else ("ASC", "DESC", "<")
    by, place = f"occurred_at {order}, organisation_id {order}, number {order}", "occurred_at, organisation_id, number"
    return text(f"""
        WITH mine AS MATERIALIZED (SELECT id FROM unnest(CAST(:organisations AS integer[])) AS mine (id)),
        hit AS MATERIALIZED (
            SELECT found.* FROM mine, LATERAL (
                SELECT * FROM ({_walked(side, "*")}) AS entry
                 WHERE {" AND ".join(RANGED + asked)}
                 ORDER BY occurred_at {order}, number {order} LIMIT :limit) AS found),
        edge AS MATERIALIZED (
            SELECT farthest.* FROM mine, LATERAL (
                SELECT count(*) OVER () AS size, {place} FROM ({_walked(side, place)}) AS walked
                 ORDER BY occurred_at {back}, number {back} LIMIT 1) AS farthest
             WHERE size = :share AND (SELECT count(*) FROM hit WHERE organisation_id = mine.id) < :limit
             ORDER BY {by} LIMIT 1),
        entry AS MATERIALIZED (
            SELECT * FROM hit
             WHERE NOT EXISTS (SELECT FROM edge) OR ({place}) {beyond}= (SELECT {place} FROM edge)
             ORDER BY {by} LIMIT :limit)
        SELECT head.last_number, edge.occurred_at, edge.organisation_id, edge.number, page.*
          FROM ({HEADS}) AS head LEFT JOIN edge ON true
          LEFT JOIN (SELECT organisation_id, {COLUMNS}, {CAUSED} FROM entry) AS page ON true
         ORDER BY {", ".join(f"page.{each}" for each in by.split(", "))}
    """)
