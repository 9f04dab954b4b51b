"""A feed on a page: its first entries, older ones as one scrolls, newer ones while it is open."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from flask import Response, abort, make_response, request
from markupsafe import Markup

from models.log import feed, personal
from models.log.feed import Fold, Item, Page, Row, Scope
from models.log.personal import Cursor
from models.numbers import whole_number
from models.people.standing import Belongings
from web.fragments import once, render, wants_fragment
from web.namesakes import namesakes
from web.words import plural, zone, zone_name

ROW = "activity/_entry.html"
FOLD = "activity/_fold.html"
# What is reached below the oldest entry of a feed.
BEGINNINGS = {
    "": "The beginning of the log.",
    "project": "The project was created here.",
    "resource": "Created here.",
    "cause": "That is everything it caused.",
    "run": "These are all the entries in the fold.",
    "project run": "These are all the entries in the fold.",
}


@dataclass(frozen=True)
class OrganisationFeed:
    """Entries of one organisation: all, a project's or a resource's."""

    scope: Scope
    older_word = "before"

    @property
    def beginning(self) -> str:
        """Says what is reached below the oldest entry."""
        return BEGINNINGS[self.scope.condition]

    def page(self, before: str | None) -> Page:
        """Reads the page below a number. Raises ValueError."""
        return feed.page(self.scope, feed.LATEST if before is None else whole_number(before, feed.LATEST))

    def newer(self, after: str) -> Sequence[Item]:
        """Reads what follows a number. Raises ValueError."""
        return feed.newer(self.scope, whole_number(after, feed.LATEST))

    def causes(self, newer: Sequence[Item], after: str) -> Sequence[Row]:
        """Reads what set off some of the newer ones, up to a number. Raises ValueError."""
        return feed.causes(self.scope, newer, whole_number(after, feed.LATEST))

    def count_newer(self, after: str) -> int:
        """Counts what follows a number. Raises ValueError."""
        return feed.count_newer(self.scope, whole_number(after, feed.LATEST))

    def top(self, rows: Sequence[Item]) -> str:
        """Returns the newest number shown; 0 when there is none yet."""
        return str(rows[0].number if rows else 0)

    def head(self) -> int:
        """Reads the organisation's newest number."""
        return feed.head(self.scope.organisation.id)


@dataclass(frozen=True)
class PersonFeed:
    """What one person did in the organisations they belong to now."""

    user_id: int
    belongings: Belongings
    beginning: str = "Your first entry."
    older_word = "cursor"

    def page(self, before: str | None) -> Page:
        """Reads the page below a cursor. Raises ValueError."""
        edge = personal.NEWEST if before is None else Cursor.parse(before)
        return personal.page(self.user_id, self.belongings.organisations, edge, moneyless=self.belongings.moneyless)

    def newer(self, after: str) -> Sequence[Item]:
        """Reads what follows a cursor. Raises ValueError."""
        return self._newer(Cursor.parse(after), 4 * feed.SIZE)

    def count_newer(self, after: str) -> int:
        """Counts what follows a cursor. Raises ValueError."""
        return len(self._newer(Cursor.parse(after), feed.COUNTED))

    def top(self, rows: Sequence[Item]) -> str:
        """Returns the cursor of the newest entry shown; the beginning of time when there is none yet."""
        return str(personal.cursor_of(rows[0]) if rows and isinstance(rows[0], Row) else personal.BEGINNING)

    def head(self) -> int:
        """Reads a number that grows with every entry in any of the organisations."""
        return personal.head(self.belongings.organisations)

    def _newer(self, after: Cursor, size: int) -> list[Row]:
        return personal.newer(self.user_id, self.belongings.organisations, after, size, self.belongings.moneyless)


@dataclass(frozen=True)
class FeedPage:
    """What the feed's templates show."""

    rows: Sequence[Item]
    days: list[tuple[date, Sequence[Item]]]
    older_url: str | None
    newer_url: str | None
    etag: str
    namesakes: frozenset[int]
    """The ids of people on it who share their name with another one on it."""
    beginning: str = ""
    """What is reached below its oldest entry."""


AnyFeed = OrganisationFeed | PersonFeed


def answer(source: AnyFeed, address: str, template: str, context: Callable[[], dict[str, Any]]) -> Response:
    """Answer a page that holds a feed, or the part of it that htmx asks for.

    `address` is where the feed's fragments are found; `context` gathers the rest of the page, when the page is wanted.
    """
    try:
        run = request.args.get("run")
        if run is not None and isinstance(source, OrganisationFeed):
            source = OrganisationFeed(feed.of_run(source.scope, whole_number(run, feed.LATEST)))
            address = f"{address}?run={run}"
        after = request.args.get("after")
        if after is not None and wants_fragment():
            return _newer(source, address, after)
        before = request.args.get(source.older_word)
        shown = page_of(source, address, before)
    except ValueError:
        abort(400, "This link to a place in the feed is broken. Start again from the newest entries.")
    if (before is not None or run is not None) and wants_fragment():
        return render("activity/_page.html", page=shown, address=address, run=run)
    return render(template, page=shown, address=address, run=run, **context())


def page_of(source: AnyFeed, address: str, before: str | None = None) -> FeedPage:
    """One page of a feed as its templates show it. Raises ValueError for a broken cursor."""
    found = source.page(before)
    joint = "&" if "?" in address else "?"
    older = f"{address}{joint}{source.older_word}={found.older}" if found.older else None
    # Below the top, "newer" is not what was written since but a page up: only the top of the feed stays live. A fold
    # holds what was written together, and has no newer.
    live = before is None and joint == "?"
    newer = f"{address}?after={source.top(found.rows)}" if live else None
    return _shown(found.rows, older, newer, found.head, source.beginning)


def entries_html(
    entries: Sequence[Item],
    show_organisation: bool = False,
    address: str = "",
    namesakes: frozenset[int] = frozenset(),
) -> Markup:
    """Items of the feed; entries never change, so each is rendered once a process and time zone.

    `address` is the feed's, where a fold finds its entries; of `namesakes`, a row says which one acted.
    """
    zone = zone_name()
    ordered, hung = _hung(entries)
    # Joined as plain text: each is escaped already, and a join of Markup would look at fifty of them again.
    rows = [
        once(FOLD, fold=entry, address=address, zone=zone, hung=entry in hung)
        if isinstance(entry, Fold)
        else once(ROW, entry=entry, show_organisation=show_organisation, zone=zone, namesake=True)
        if entry.actor_id in namesakes
        else once(ROW, entry=entry, show_organisation=show_organisation, zone=zone)
        for entry in ordered
    ]
    return Markup("".join(rows))  # noqa: S704


def _hung(entries: Sequence[Item]) -> tuple[Sequence[Item], set[Fold]]:
    """Puts each fold behind the entry that caused it, where that comes right below; says which they are."""
    ordered, hung = list(entries), set[Fold]()
    for place in range(len(ordered) - 1):
        fold, below = ordered[place], ordered[place + 1]
        if isinstance(fold, Fold) and isinstance(below, Row) and below.number == fold.cause_number:
            ordered[place : place + 2] = below, fold
            hung.add(fold)
    return ordered, hung


def describe_fold(fold: Fold) -> str:
    """ "updated 41 users, deleted 3 projects", most first; without numbers where they are not all the feed's."""
    parts: dict[str, list[str]] = {}
    for what, count in sorted(fold.tally, key=lambda each: (-each[1], each[0])):
        verb, noun = what.split(" ", 1)
        parts.setdefault(verb, []).append(f"{count:,} {plural(noun, count)}")
    if fold.partly:
        return f"{' and '.join(parts)} what was in here"
    return ", ".join(f"{verb} {' and '.join(things)}" for verb, things in parts.items())


def _newer(source: AnyFeed, address: str, after: str) -> Response:
    head = source.head()
    etag = f'"{head}"'
    if "show" in request.args:
        rows = source.newer(after)
        top = source.top(rows) if rows else after
        shown = _shown(rows, None, f"{address}?after={top}", head)
        count = source.count_newer(top) if rows else 0
        # What a person sets off is done by the system, and not in their own feed.
        causes = source.causes(rows, after) if isinstance(source, OrganisationFeed) else []
        return render(
            "activity/_newer_rows.html", page=shown, count=_describe_count(count), address=address, causes=causes
        )
    if request.headers.get("If-None-Match") == etag:
        response = make_response("", 304)
    else:
        shown = _shown([], None, f"{address}?after={after}", head)
        response = render("activity/_newer.html", page=shown, count=_describe_count(source.count_newer(after)))
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _shown(
    rows: Sequence[Item], older_url: str | None, newer_url: str | None, head: int, beginning: str = ""
) -> FeedPage:
    return FeedPage(rows, _by_day(rows), older_url, newer_url, f'"{head}"', namesakes(rows), beginning)


def _by_day(rows: Sequence[Item]) -> list[tuple[date, Sequence[Item]]]:
    local = zone()

    def day(row: Item) -> date:
        return row.occurred_at.astimezone(local).date()

    # In order of time, so equal ends mean a single day: the usual page, without asking fifty rows.
    if rows and day(rows[0]) == day(rows[-1]):
        return [(day(rows[0]), rows)]
    return [(each, list(found)) for each, found in groupby(rows, day)]


def _describe_count(count: int) -> int | str:
    return count if count < feed.COUNTED else f"{feed.COUNTED - 1}+"
