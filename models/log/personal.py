"""A person's own feed: what they did in all the organisations they belong to now, by time."""

import base64
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import TextClause, text

from models.database import read
from models.log.feed import COLUMNS, LATEST, SIZE, STORED, OrganisationName, Page, Row, row_of
from models.log.runs import caused
from models.log.spoken import person

# Three numbers, with room to spare.
CURSOR_MOST = 100


class Cursor(NamedTuple):
    """A place between two entries of several organisations: by time, then by organisation and number."""

    at: datetime
    organisation_id: int
    number: int

    def __str__(self) -> str:
        micros = int(self.at.timestamp()) * 1_000_000 + self.at.microsecond
        fields = f"[{micros}, {self.organisation_id}, {self.number}]"
        return base64.urlsafe_b64encode(fields.encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, given: str) -> "Cursor":
        """Reads a cursor from its text. Raises ValueError."""
        if len(given) > CURSOR_MOST:
            raise ValueError("not a cursor: too long")
        try:
            micros, organisation_id, number = map(int, json.loads(base64.urlsafe_b64decode(given + "==")))
            at = datetime.fromtimestamp(micros // 1_000_000, UTC).replace(microsecond=micros % 1_000_000)
        except (ValueError, TypeError, OverflowError, OSError, RecursionError) as error:
            raise ValueError(f"not a cursor: {given!r}") from error
        if not (0 <= organisation_id < 2**31 and 0 <= number < 2**63):
            raise ValueError(f"not a cursor: {given!r}")
        return cls(at, organisation_id, number)


NEWEST = Cursor(datetime(9999, 1, 1, tzinfo=UTC), 2**31 - 1, LATEST)
"""Above every entry."""
BEGINNING = Cursor(datetime(1970, 1, 1, tzinfo=UTC), 0, 0)
"""Below every entry."""

Organisations = Sequence[OrganisationName]
NONE: frozenset[int] = frozenset()


def page(
    user_id: int,
    organisations: Organisations,
    before: Cursor = NEWEST,
    size: int = SIZE,
    moneyless: frozenset[int] = NONE,
) -> Page:
    """Reads what someone did in these organisations before a cursor, newest first.

    `moneyless` are the ids of those whose entries about billing are not to be shown.
    """
    head, rows = _found(OLDER, user_id, organisations, before, size + 1, moneyless)
    return Page(rows[:size], str(cursor_of(rows[size - 1])) if len(rows) > size else None, head)


def page_above(
    user_id: int,
    organisations: Organisations,
    after: Cursor,
    size: int = SIZE,
    moneyless: frozenset[int] = NONE,
) -> Page:
    """Reads what someone did in these organisations right after a cursor, newest first."""
    head, rows = _found(NEWER, user_id, organisations, after, size + 1, moneyless)
    shown = rows[:size][::-1]
    return Page(shown, None, head, str(cursor_of(shown[0])) if len(rows) > size else None)


def newer(
    user_id: int,
    organisations: Organisations,
    after: Cursor,
    size: int = 4 * SIZE,
    moneyless: frozenset[int] = NONE,
) -> list[Row]:
    """Reads what someone did in these organisations since a cursor, newest first."""
    _, rows = _found(NEWER, user_id, organisations, after, size, moneyless)
    return rows[::-1]


def cursor_at(moment: datetime) -> Cursor:
    """Returns the cursor between what was before a moment and what was not."""
    return Cursor(moment, 0, 0)


def cursor_of(row: Row) -> Cursor:
    """Returns the cursor right above a row: what is before it is older than the row."""
    return Cursor(row.occurred_at, row.organisation.id, row.number)


def head(organisations: Organisations) -> int:
    """Adds up the organisations' newest numbers: a sum that grows with every entry in any of them."""
    return int(read(HEAD, {"organisations": [each.id for each in organisations]})[0][0])


def name_of(organisation_id: int, user_id: int) -> str | None:
    """Finds the name of a member, or of someone whom the log knows; None of a stranger to the organisation."""
    name: str | None = read(NAME, {"organisation": organisation_id, "user": user_id})[0][0]
    return name


def _found(
    query: TextClause, user_id: int, organisations: Organisations, edge: Cursor, limit: int, moneyless: frozenset[int]
) -> tuple[int, list[Row]]:
    """The organisations' head, and the rows."""
    names = {each.id: each for each in organisations}
    values = {"user": user_id, "organisations": list(names), "limit": limit, "moneyless": list(moneyless)}
    found = read(query, values | edge._asdict())
    if found[0][1] is None:  # the head alone
        return found[0][0], []
    return found[0][0], [row_of(names[each[1]], each[2:]) for each in found]


HEADS = """SELECT CAST(COALESCE(sum(last_number), 0) AS bigint) AS last_number
             FROM activity_heads WHERE organisation_id = ANY(CAST(:organisations AS integer[]))"""
HEAD = text(HEADS)
CAUSED = caused("entry.organisation_id <> ALL (CAST(:moneyless AS integer[]))")


def _pages(edge: str, bound: str, order: str) -> TextClause:
    """The query of a page; only constants of this module and of feed.py are put into the text.

    A page from each organisation, merged: the cost grows with the organisations a person belongs to now, never with
    what they did in others they have left. Each part names one organisation.
    """
    return text(f"""
        WITH entry AS MATERIALIZED (
            SELECT found.* FROM unnest(CAST(:organisations AS integer[])) AS mine (id), LATERAL (
                SELECT organisation_id, {STORED} FROM activity_entries
                 WHERE organisation_id = mine.id AND actor_id = :user AND occurred_at {bound} :at
                   AND (occurred_at, organisation_id, number) {edge} (:at, :organisation_id, :number)
                   AND (resource_type <> 'billing' OR mine.id <> ALL (CAST(:moneyless AS integer[])))
                 ORDER BY occurred_at {order}, number {order} LIMIT :limit) AS found
             ORDER BY found.occurred_at {order}, found.organisation_id {order}, found.number {order} LIMIT :limit)
        SELECT head.last_number, page.* FROM ({HEADS}) AS head
          LEFT JOIN (SELECT organisation_id, {COLUMNS}, {CAUSED} FROM entry) AS page ON true
         ORDER BY page.occurred_at {order}, page.organisation_id {order}, page.number {order}
    """)


OLDER = _pages("<", "<=", "DESC")
NEWER = _pages(">", ">=", "ASC")
# As they are called today, else as they were when they last did something, else as they were last spoken of.
NAME = text(f"""
    SELECT COALESCE(
        (SELECT users.name FROM memberships JOIN users ON users.id = memberships.user_id
          WHERE memberships.organisation_id = :organisation AND memberships.user_id = :user),
        (SELECT {person("entry", "entry.actor_person")} FROM activity_entries AS entry
          WHERE organisation_id = :organisation AND actor_id = :user
          ORDER BY occurred_at DESC LIMIT 1),
        (SELECT {person("entry", "entry.people[1]")} FROM activity_entries AS entry
          WHERE organisation_id = :organisation AND resource_type = 'user' AND resource_id = :user
          ORDER BY number DESC LIMIT 1))
""")
