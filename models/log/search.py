"""Finds the entries that a query asks for, page by page, with a bounded look at the log each time.

Where an index leads to what a term asks for, a page is read along it; what no index knows is looked for in what lies
there, newest first. No request looks at more than LOOKED_AT entries: it answers with what it has found and with how far
it has looked, from where the next one goes on.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any, NamedTuple

from sqlalchemy import TextClause

from models.database import read
from models.log.boundary import boundaries
from models.log.conditions import Condition, Way, conditions, multirange, ways
from models.log.feed import (
    COUNTED,
    FOLDED_LEAST,
    IN_FEED,
    LATEST,
    SIZE,
    Fold,
    Item,
    Looked,
    Page,
    Row,
    RunColumns,
    Scope,
    fold_of,
    row_of,
)
from models.log.moments import EVER
from models.log.nearest import nearest
from models.log.query import Query, moments, numbers
from models.log.search_text import DOWN, RANGES, UNTIL, UP, Direction, statement
from models.log.spans import shared

LOOKED_AT = 20_000
LOOKED_AT_FIRST = 3000
"""At how many a search looks that has just begun: its answer is there as soon as that of any other feed."""
EVERY = (1, LATEST)
# In what a page's query brings: the head, how far it looked and when that was, then the columns of an entry.
ENTRY, NUMBER = 3, 4
# Clocks of two machines are never as far apart: until then, entries may still be written.
SETTLED = timedelta(minutes=5)


class Asker(NamedTuple):
    """Who asks, and when: what "me", "7d" and a time without a zone stand for."""

    user_id: int
    zone: tzinfo
    now: datetime


class Search(NamedTuple):
    """A query in a feed of one organisation, as someone asks it."""

    scope: Scope
    query: Query
    asker: Asker

    def page(self, before: int = LATEST, size: int = SIZE, most: int = 0) -> Page:
        """Reads up to `size` of the entries before number `before` that are found, newest first, looking at `most`.

        Unless that is said, the newest page looks at fewer than those that follow it.

        A page that is not full says how far back it has looked, unless that is to the beginning. Raises BadQuery.
        """
        most = most or (LOOKED_AT_FIRST if before == LATEST else LOOKED_AT)
        found = _find(DOWN, self, before, size + 1, most)
        rows, following = found.rows[:size], found.following(size)
        items, last = _items(self.scope, rows, following, found.looked)
        if following is None and found.looked is None:
            return Page(items, None, found.head)
        looked = None if following else found.looked
        older = last.first_number if last else looked.number if looked else rows[-1][0].number
        return Page(items, str(older), found.head, looked=looked)

    def page_above(self, after: int, size: int = SIZE, most: int = LOOKED_AT) -> Page:
        """Reads up to `size` of the entries right above number `after` that are found, newest first, looking at `most`.

        A page that is not full says how far it has looked, unless that is to the newest entry. Raises BadQuery.
        """
        found = _find(UP, self, after, size + 1, most)
        rows, following = found.rows[:size][::-1], found.following(size)
        items, last = _items(self.scope, rows, following, found.looked, at_top=True)
        if following is None and found.looked is None:
            return Page(items, None, found.head)
        looked = None if following else found.looked
        above = last.last_number if last else looked.number if looked else rows[0][0].number
        return Page(items, None, found.head, str(above), looked)

    def is_over(self, head: int) -> bool:
        """Whether nothing above number `head` can be found any more. Raises BadQuery."""
        return is_over(self.query, self.asker, head)

    def newer(self, after: int, size: int = 4 * SIZE) -> Sequence[Item]:
        """Reads up to `size` entries that follow number `after` and are found, newest first. Raises BadQuery."""
        return self.page_above(after, size).rows

    def count_newer(self, after: int) -> int:
        """Counts what is found above number `after`, up to COUNTED. Raises BadQuery."""
        return len(_find(UP, self, after, COUNTED).rows)


def is_over(query: Query, asker: Asker, head: int = 0) -> bool:
    """Whether nothing can be found that is still to be written, which comes above number `head`. Raises BadQuery."""
    spans, left = moments(query, asker.zone, asker.now), shared(numbers(query), [(head + 1, LATEST)])
    return not spans or not left or spans[-1][1] <= asker.now - SETTLED


def narrowest(search: Search) -> list[tuple[int, int]]:
    """Counts what is found without each term of a search that finds nothing: its place and how much, most first.

    Up to a page is counted of each, and all of them together look at no more entries than one page does.
    """
    counted = []
    terms = search.query.terms
    for place, term in enumerate(terms):
        other = search._replace(query=search.query.without_term(term))
        counted.append((place, len(_find(DOWN, other, LATEST, SIZE, LOOKED_AT // len(terms)).rows)))
    return sorted(counted, key=lambda each: -each[1])


class _Found(NamedTuple):
    head: int
    looked: Looked | None
    """How far, where there may be more beyond."""
    rows: Sequence[tuple[Row, RunColumns | None]]

    def following(self, size: int) -> tuple[Row, RunColumns | None] | None:
        """Returns the row behind a page of so many; None where the page is all that was found."""
        return self.rows[size] if len(self.rows) > size else None


def _find(direction: Direction, search: Search, edge: int, limit: int, most: int = LOOKED_AT) -> _Found:
    asked = ask(search, edge, limit, most)
    near = nearby(direction, asked)
    if near is not None:
        found = _found(search.scope, read(near, asked.values))
        if len(found.rows) == limit or found.looked is None:
            return found
        if found.looked.number == edge:
            asked = asked._replace(ways=())
    return _found(search.scope, read(statement_of(direction, asked), asked.values))


def _found(scope: Scope, rows: Sequence[Any]) -> _Found:
    if not rows:
        return _Found(0, None, ())
    head, number, at = rows[0][:3]
    looked = None if number is None else Looked(number, at)
    return _Found(head, looked, [_row(scope, each[ENTRY:]) for each in rows if each[NUMBER] is not None])


class Asked(NamedTuple):
    """What the statements of a page are made of, and their values."""

    scope: str
    conditions: tuple[tuple[str, int], ...]
    ways: tuple[Way, ...]
    values: dict[str, Any]


def statement_of(direction: Direction, asked: Asked) -> TextClause:
    """Returns the statement that looks along one of all ways."""
    return statement(direction, asked.scope, asked.conditions, asked.ways)


def nearby(direction: Direction, asked: Asked) -> TextClause | None:
    """Returns the statement to try first, where all that is asked for is a name."""
    if len(asked.ways) != 1 or len(asked.conditions) != 1 or asked.scope not in IN_FEED:
        return None
    [way], [(sql, place)] = asked.ways, asked.conditions
    return nearest(direction, asked.scope, sql, way) if way.named == place else None


def ask(search: Search, edge: int, limit: int, most: int) -> Asked:
    """Returns what is asked for on a page from an edge on. Raises BadQuery."""
    scope, asker = search.scope, search.asker
    ranges, until = _numbers(search)
    if not ranges:
        # No entry has such a number; the head is read all the same.
        ranges = [(0, 0)]
    asked = list(conditions(search.query, asker.user_id))
    values: dict[str, Any] = {
        "organisation": scope.organisation.id,
        "money": scope.money,
        "edge": edge,
        "limit": limit,
        "most": most,
        "firsts": [first for first, _ in ranges],
        "lasts": [last - 1 for _, last in ranges],
        "lowest": ranges[0][0],
        "highest": ranges[-1][1] - 1,
        **scope.values,
    }
    for each in asked:
        values |= each.values
    if len(ranges) > 1:
        asked.append(Condition("number <@ CAST(:ranges AS int8multirange)", {}, RANGES))
        values["ranges"] = multirange(ranges)
    if until:
        asked.append(Condition("occurred_at < :until", {}, UNTIL))
        values["until"] = until
    return Asked(scope.condition, tuple((each.sql, each.place) for each in asked), tuple(ways(search.query)), values)


def _row(scope: Scope, columns: Sequence[Any]) -> tuple[Row, RunColumns | None]:
    run = columns[-1]
    return row_of(scope.organisation, columns[:-1]), None if run is None else RunColumns(*run)


def _numbers(search: Search) -> tuple[list[tuple[int, int]], datetime | None]:
    """The numbers that are left by what is said of numbers and times, which never run against each other.

    Before a moment at which entries are still written no number can be known to be the last: it is the second result.
    """
    asker, left = search.asker, shared(numbers(search.query), [EVERY])
    spans = moments(search.query, asker.zone, asker.now)
    if spans == [EVER]:
        return left, None
    until = spans[-1][1] if spans and spans[-1][1] > asker.now - SETTLED else None
    edges = sorted({edge for span in spans for edge in span if edge not in EVER and edge != until})
    places = dict(zip(edges, boundaries(search.scope.organisation.id, edges), strict=True)) if edges else {}
    timed = [
        (places[first] + 1 if first in places else EVERY[0], places[last] + 1 if last in places else EVERY[1])
        for first, last in spans
    ]
    return shared(left, timed), None if until == EVER[1] else until


def _items(
    scope: Scope,
    rows: Sequence[tuple[Row, RunColumns | None]],
    following: tuple[Row, RunColumns | None] | None,
    looked: Looked | None,
    at_top: bool = False,
) -> tuple[list[Item], RunColumns | None]:
    """The items of a page, and the run of the fold that it ends with; `following` is that of the row behind its end.

    What is found of a run is folded where it is much. At the page's end it is also folded if there may be more: the
    fold stands for all that is found of the run, and the next page begins behind it, so that nothing is shown twice.
    """
    items: list[Item] = []
    groups = list(_groups(rows))
    ended_by: RunColumns | None = None
    for place, (run, group) in enumerate(groups):
        at_end = place == (0 if at_top else len(groups) - 1)
        cut = (
            run is not None
            and at_end
            and ((following is not None and run == following[1]) or _goes_on(run, looked, at_top))
        )
        if run is not None and (cut or len(group) >= FOLDED_LEAST):
            items.append(_searched_fold(scope, group[0], run))
            ended_by = run if at_end else ended_by
        else:
            items += group
    return items, ended_by


def _groups(rows: Sequence[tuple[Row, RunColumns | None]]) -> Iterator[tuple[RunColumns | None, list[Row]]]:
    """The rows, those of one run together."""
    last, group = None, list[Row]()
    for row, run in rows:
        if group and run != last:
            yield last, group
            group = []
        group.append(row)
        last = run
    if group:
        yield last, group


def _goes_on(run: RunColumns, looked: Looked | None, at_top: bool) -> bool:
    if looked is None:
        return False
    return run.last_number > looked.number if at_top else run.first_number < looked.number


def _searched_fold(scope: Scope, newest: Row, run: RunColumns) -> Fold:
    """A fold that tells no numbers: how much of the run is found is not counted."""
    return fold_of(scope, newest, run)._replace(partly=True)
