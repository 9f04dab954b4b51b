"""A feed on a page: its first entries, older ones as one scrolls, newer ones while it is open."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby
from typing import Any

from flask import Response, abort, make_response, request
from markupsafe import Markup

from models.log import feed, personal
from models.log.boundary import boundary
from models.log.feed import Fold, Item, Page, Row, Scope
from models.log.personal import Cursor
from models.numbers import whole_number
from models.people.standing import Belongings
from web.fragments import once, render, shown_at, wants_fragment
from web.moments import Asked, MomentShown, asked
from web.namesakes import namesakes
from web.words import plural, zone, zone_now

ROW = "activity/_entry.html"
FOLD = "activity/_fold.html"
# How many entries are shown where nothing had happened yet at the moment asked for.
NEAREST = 10
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
    def has_moments(self) -> bool:
        """Whether it leads to moments: what an entry set off is read from its newest one."""
        return self.scope.condition in ("", "project", "resource")

    @property
    def beginning(self) -> str:
        """Says what is reached below the oldest entry."""
        return BEGINNINGS[self.scope.condition]

    def page(self, before: str | None) -> Page:
        """Reads the page below a number. Raises ValueError."""
        return feed.page(self.scope, feed.LATEST if before is None else whole_number(before, feed.LATEST))

    def page_above(self, after: str, size: int = feed.SIZE) -> Page:
        """Reads the page above a number. Raises ValueError."""
        return feed.page_above(self.scope, whole_number(after, feed.LATEST), size)

    def page_until(self, moment: datetime) -> Page:
        """Reads the page that begins with the last entry before a moment."""
        last = boundary(self.scope.organisation.id, moment)
        page = feed.page(self.scope, last + 1)
        # A fold at its top may reach beyond the moment.
        top = max(last, int(self.top(page.rows)))
        every = self.scope == feed.whole(self.scope.organisation)
        more = top < page.head and (every or feed.count_newer(self.scope, top) > 0)
        return page._replace(above=str(top) if more else None)

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

    def below(self, rows: Sequence[Item], after: str) -> str:
        """Returns the cursor of what is older than these rows, which were read upwards from a number."""
        if not rows:
            return str(whole_number(after, feed.LATEST - 1) + 1)
        return str(rows[-1].first_number if isinstance(rows[-1], Fold) else rows[-1].number)

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
    has_moments = True

    def page(self, before: str | None) -> Page:
        """Reads the page below a cursor. Raises ValueError."""
        edge = personal.NEWEST if before is None else Cursor.parse(before)
        return personal.page(self.user_id, self.belongings.organisations, edge, moneyless=self.belongings.moneyless)

    def page_above(self, after: str, size: int = feed.SIZE) -> Page:
        """Reads the page above a cursor. Raises ValueError."""
        of = self.belongings
        return personal.page_above(self.user_id, of.organisations, Cursor.parse(after), size, of.moneyless)

    def page_until(self, moment: datetime) -> Page:
        """Reads the page that begins with the last entry before a moment."""
        edge = personal.cursor_at(moment)
        page = self.page(str(edge))
        return page._replace(above=str(edge) if self._newer(edge, 1) else None)

    def newer(self, after: str) -> Sequence[Item]:
        """Reads what follows a cursor. Raises ValueError."""
        return self._newer(Cursor.parse(after), 4 * feed.SIZE)

    def count_newer(self, after: str) -> int:
        """Counts what follows a cursor. Raises ValueError."""
        return len(self._newer(Cursor.parse(after), feed.COUNTED))

    def top(self, rows: Sequence[Item]) -> str:
        """Returns the cursor of the newest entry shown; the beginning of time when there is none yet."""
        return str(personal.cursor_of(rows[0]) if rows and isinstance(rows[0], Row) else personal.BEGINNING)

    def below(self, rows: Sequence[Item], after: str) -> str:
        """Returns the cursor of what is older than these rows, which were read upwards from a cursor."""
        return str(personal.cursor_of(rows[-1])) if rows and isinstance(rows[-1], Row) else after

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
    above_url: str | None = None
    """Where the entries above it are found, of a page that does not begin with the newest one."""
    is_newest: bool = False
    """Whether there is nothing above it, of a page that was reached from below."""
    moment: MomentShown | None = None
    """The field that leads to a moment, and what is said of the moment it led to; None in a fold."""


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
        before, above = request.args.get(source.older_word), request.args.get("above")
        moment = asked(request.args.get("at", "")) if run is None and source.has_moments else None
        if before is None and above is None and moment is not None and moment.end is not None:
            shown = page_at(source, address, moment)
        elif above is not None:
            shown = page_above(source, address, above)
        else:
            shown = page_of(source, address, before)
    except ValueError:
        abort(400, "This link to a place in the feed is broken. Start again from the newest entries.")
    if (before is not None or above is not None or run is not None) and wants_fragment():
        return render("activity/_page.html", page=shown, address=address, run=run)
    shown = replace(shown, moment=shown.moment or (moment.shown() if moment else None))
    status = 422 if moment and moment.error else 200
    response = render(template, page=shown, address=address, run=run, status=status, **context())
    exact = shown.moment and shown.moment.exact_url
    return shown_at(response, exact) if exact else response


def page_of(source: AnyFeed, address: str, before: str | None = None) -> FeedPage:
    """One page of a feed as its templates show it. Raises ValueError for a broken cursor."""
    found = source.page(before)
    # Below the top, "newer" is not what was written since but a page up: only the top of the feed stays live. A fold
    # holds what was written together, and has no newer.
    live = before is None and "?" not in address
    newer = f"{address}?after={source.top(found.rows)}" if live else None
    shown = _shown(found.rows, _older(source, address, found), newer, found.head, source.beginning)
    # Reached from above, a page has what is above it there already.
    alone = before is not None and found.rows and "?" not in address and not wants_fragment()
    return replace(shown, above_url=f"{address}?above={source.top(found.rows)}") if alone else shown


def page_above(source: AnyFeed, address: str, after: str) -> FeedPage:
    """One page upwards. Raises ValueError for a broken cursor."""
    found = source.page_above(after)
    older = None if wants_fragment() else f"{address}?{source.older_word}={source.below(found.rows, after)}"
    shown = _shown(found.rows, older, None, found.head)
    return replace(shown, above_url=_above(address, found), is_newest=found.above is None)


def page_at(source: AnyFeed, address: str, moment: Asked) -> FeedPage:
    """The page that begins at a moment; where nothing had happened yet, the first entries there are."""
    assert moment.end is not None
    if moment.is_to_come:
        return replace(page_of(source, address), moment=moment.shown())
    found = source.page_until(moment.end)
    is_before = not found.rows
    if is_before:
        found = source.page_above(source.top([]), NEAREST)
    shown = _shown(found.rows, _older(source, address, found), None, found.head, source.beginning)
    return replace(shown, above_url=_above(address, found), moment=moment.shown(is_before=is_before))


def _older(source: AnyFeed, address: str, found: Page) -> str | None:
    joint = "&" if "?" in address else "?"
    return f"{address}{joint}{source.older_word}={found.older}" if found.older else None


def _above(address: str, found: Page) -> str | None:
    return f"{address}?above={found.above}" if found.above else None


def entries_html(
    entries: Sequence[Item],
    show_organisation: bool = False,
    address: str = "",
    namesakes: frozenset[int] = frozenset(),
) -> Markup:
    """Items of the feed; entries never change, so each is rendered once a process and time zone.

    `address` is the feed's, where a fold finds its entries; of `namesakes`, a row says which one acted.
    """
    zone = zone_now()
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
