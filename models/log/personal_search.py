"""A search of what one person did in several organisations: so many of their entries in each, and no more."""

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
    """How many entries of each organisation one request looks at."""

    def page(self, before: Cursor = NEWEST, size: int = SIZE) -> Page:
        """Reads the `size` entries before a cursor that the query finds, newest first. Raises BadQuery.

        A page that is not full says how far back it has looked, unless that is everything.
        """
        head, rows = self._found("<", before, size + 1)
        edge = self._edge("<", before)
        if edge is not None:
            # What is older has been looked at in some of the organisations only.
            rows = [each for each in rows if cursor_of(each) >= edge]
        if len(rows) > size:
            return Page(rows[:size], str(cursor_of(rows[size - 1])), head)
        return Page(rows, str(edge), head, looked=Looked(edge.number, edge.at)) if edge else Page(rows, None, head)

    def page_above(self, after: Cursor, size: int = SIZE) -> Page:
        """Reads the `size` entries above a cursor that the query finds, newest first. Raises BadQuery."""
        head, rows = self._found(">", after, size + 1)
        edge = self._edge(">", after)
        if edge is not None:
            rows = [each for each in rows if cursor_of(each) <= edge]
        if len(rows) > size:
            return Page(rows[size - 1 :: -1], None, head, str(cursor_of(rows[size - 1])))
        above, looked = (str(edge), Looked(edge.number, edge.at)) if edge else (None, None)
        return Page(rows[::-1], None, head, above, looked)

    def is_over(self, _head: int) -> bool:
        """Whether nothing that is still to be written can be found; heads of several logs bound no number of one."""
        return is_over(self.query, self.asker)

    def newer(self, after: Cursor, size: int = 4 * SIZE) -> list[Row]:
        """Reads up to `size` entries that follow a cursor and that the query finds, newest first."""
        return self._found(">", after, size)[1][::-1]

    def _values(self, edge: Cursor) -> dict[str, Any]:
        ids = [each.id for each in self.organisations]
        about = {"user": self.person_id, "organisations": ids, "moneyless": list(self.moneyless), "most": self.most}
        return {**about, **edge._asdict()}

    def _found(self, side: str, edge: Cursor, limit: int) -> tuple[int, list[Row]]:
        """The head, and the rows in the order of the walk."""
        names = {each.id: each for each in self.organisations}
        asked = list(conditions(self.query, self.asker.user_id))
        values = {name: value for each in asked for name, value in each.values.items()}
        spans = moments(self.query, self.asker.zone, self.asker.now)
        ranges = {"times": multirange(spans), "numbers": multirange(numbers(self.query))}
        query = _page(side, tuple(each.sql for each in asked))
        found = read(query, {**self._values(edge), **values, **ranges, "limit": limit})
        return found[0][0], [row_of(names[each[1]], *each[2:]) for each in found if each[1] is not None]

    def _edge(self, side: str, edge: Cursor) -> Cursor | None:
        """How far all of the organisations have been looked through; None where that is to the end."""
        ends = [Cursor(*row) for row in read(ENDS[side], self._values(edge))]
        return None if not ends else max(ends) if side == "<" else min(ends)


def _walked(side: str, columns: str) -> str:
    order = "DESC" if side == "<" else "ASC"
    return f"""
        SELECT {columns} FROM activity_entries
         WHERE organisation_id = mine.id AND actor_id = :user AND occurred_at {side}= :at
           AND (occurred_at, organisation_id, number) {side} (:at, :organisation_id, :number)
           AND (resource_type <> 'billing' OR mine.id <> ALL (CAST(:moneyless AS integer[])))
         ORDER BY occurred_at {order}, number {order} LIMIT :most"""


@lru_cache(maxsize=KEPT_MOST)
def _page(side: str, asked: tuple[str, ...]) -> TextClause:
    """The statement of a page: only constants of the modules of the log are put into the text."""
    order = "DESC" if side == "<" else "ASC"
    by = f"occurred_at {order}, organisation_id {order}, number {order}"
    return text(f"""
        WITH entry AS MATERIALIZED (
            SELECT found.* FROM unnest(CAST(:organisations AS integer[])) AS mine (id), LATERAL (
                SELECT * FROM ({_walked(side, "*")}) AS entry
                 WHERE {" AND ".join(RANGED + asked)}
                 ORDER BY occurred_at {order}, number {order} LIMIT :limit) AS found
             ORDER BY {by} LIMIT :limit)
        SELECT head.last_number, page.* FROM ({HEADS}) AS head
          LEFT JOIN (SELECT organisation_id, {COLUMNS}, {CAUSED} FROM entry) AS page ON true
         ORDER BY {by}
    """)


def _end(side: str) -> str:
    """Of each organisation that was not looked through to its end, the entry at which that stopped."""
    order = "ASC" if side == "<" else "DESC"
    return f"""
        SELECT occurred_at, id, number FROM unnest(CAST(:organisations AS integer[])) AS mine (id), LATERAL (
            SELECT count(*) OVER () AS size, occurred_at, number FROM ({_walked(side, "occurred_at, number")}) AS walked
             ORDER BY occurred_at {order}, number {order} LIMIT 1) AS farthest
         WHERE size = :most
    """


ENDS = {side: text(_end(side)) for side in ("<", ">")}
