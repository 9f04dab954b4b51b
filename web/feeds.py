"""A feed on a page: its first entries, older ones as one scrolls, newer ones while it is open."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import groupby, islice
from typing import Any, NamedTuple

from flask import Response, abort, make_response, redirect, request
from markupsafe import Markup

from models.log import feed, offers, personal, seal
from models.log.feed import Fold, Item, Page, Row
from models.log.keys import BadQuery
from models.log.personal import Cursor
from models.log.seal import Standing as Seal
from models.log.search import Asker, Search, narrowest
from models.numbers import whole_number
from models.people.standing import Here
from models.people.view import ViewName
from web import access
from web.access import me
from web.finding import Chip, Finder, finder_of, keeping, suggestions
from web.fragments import KEPT_MOST, always, render, shown_at, wants_fragment
from web.moments import Asked, MomentShown, asked
from web.namesakes import namesakes
from web.seals import told_of
from web.sources import AnyFeed, OrganisationFeed
from web.words import plural, zone, zone_now

ROW = "activity/_entry.html"
FOLD = "activity/_fold.html"
FINDER = "activity/_finder.html"
NO_MOMENT = MomentShown()
# How many entries are shown where nothing had happened yet at the moment asked for.
NEAREST = 10
SUGGESTED_MOST = 12
UNDER_WAY = timedelta(minutes=1)
FINDERS_KEPT = 500


class FeedPage(NamedTuple):
    """What the feed's templates show."""

    rows: Sequence[Item]
    days: list[tuple[date, Sequence[Item]]]
    older_url: str | None
    newer_url: str | None
    head: int
    """The newest number there was when it was read; of a person's feed, a number that grows with every entry."""
    namesakes: frozenset[int]
    """The ids of people on it who share their name with another one on it."""
    beginning: str = ""
    """What is reached below its oldest entry."""
    looked: datetime | None = None
    """How far back a search has looked that goes on further down."""
    above_url: str | None = None
    """Where the entries above it are found, of a page that does not begin with the newest one."""
    is_newest: bool = False
    """Whether there is nothing above it, of a page that was reached from below."""
    is_over: bool = False
    """Whether it begins with the newest entry that its search will ever find."""
    moment: MomentShown | None = None
    """The field that leads to a moment, and what is said of the moment it led to; None in a fold."""

    seal: Seal | None = None
    """How far the log is sealed that its entries are of; None where that is several, or of a person."""

    @property
    def etag(self) -> str:
        """The tag under which the poll asks whether there is anything newer, or more of it sealed."""
        return etag_of(self.head, self.seal)


def answer(source: AnyFeed, address: str, template: str, context: Callable[[], dict[str, Any]]) -> Response:
    """Answer a page that holds a feed, or the part of it that htmx asks for.

    `address` is where the feed's fragments are found; `context` gathers the rest of the page, when the page is wanted.
    """
    finder = finder_of(source.searched(address))
    if finder.moved_to:
        return redirect(finder.moved_to)  # type: ignore[return-value]
    if wants_fragment() and (part := _part(finder)):
        return part
    given = request.args
    try:
        run = given.get("run")
        if run is not None and isinstance(source, OrganisationFeed):
            source = OrganisationFeed(feed.of_run(source.scope, whole_number(run, feed.LATEST)))
        if finder.query and (source.has_moments or run is not None):
            offers.require_projects(source.organisation_ids, finder.query)
            source, address = source.asking(finder.query, Asker(me().id, zone(), datetime.now(UTC))), finder.address
        address = address if run is None else _to(address, "run", run)
        after = given.get("after")
        if after is not None and wants_fragment():
            return _newer(source, address, after)
        before, above = given.get(source.older_word), given.get("above")
        moment = asked(given.get("at", "")) if run is None and source.has_moments else None
        if finder.error:
            raise finder.error
        if before is None and above is None and moment is not None and moment.end is not None:
            shown = page_at(source, address, moment)
        elif above is not None:
            shown = page_above(source, address, above)
        else:
            shown = page_of(source, address, before)
    except ValueError:
        abort(400, "This link to a place in the feed is broken. Start again from the newest entries.")
    except BadQuery as error:
        return _misunderstood(template, address, finder._replace(error=error), context)
    if (before is not None or above is not None or run is not None) and wants_fragment():
        return render("activity/_page.html", page=shown, address=address, run=run)
    shown = shown._replace(moment=shown.moment or (moment.shown() if moment else None))
    if isinstance(source, OrganisationFeed):
        shown = shown._replace(seal=access.seal_of_log())
    status = 422 if moment and moment.error else 200
    shows = finder if moment else None
    if shows and source.search and not shown.rows and not shown.older_url:
        shows = shows._replace(drops=_drops(source, finder))
    response = render(template, page=shown, address=address, run=run, finder=shows, status=status, **context())
    exact = shown.moment and shown.moment.exact_url
    return shown_at(response, exact) if exact else response


def _part(finder: Finder) -> Response | None:
    """What htmx asks for of the search field: a menu, or how the text may go on."""
    if "suggest" in request.args:
        found = islice(suggestions(finder.searched, request.args.get("q", "")), SUGGESTED_MOST)
        return render("activity/_suggestions.html", suggestions=list(found))
    if "menu" in request.args:
        return render("activity/_menus.html", finder=finder)
    return None


def _misunderstood(template: str, address: str, finder: Finder, context: Callable[[], dict[str, Any]]) -> Response:
    """The page without entries, since it is not known which ones are asked for; what was typed stays."""
    if wants_fragment():
        abort(400, str(finder.error))
    shown = _shown([], None, None, 0)
    return render(template, page=shown, address=address, run=None, finder=finder, status=422, **context())


def etag_of(head: int, found: Seal | None) -> str:
    """Returns the tag of what is told at the head of a feed."""
    told = (found.size, told_of(found).is_late, found.refused is not None) if found else ()
    return f'"{"-".join(str(int(each)) for each in (head, *told))}"'


def page_of(source: AnyFeed, address: str, before: str | None = None) -> FeedPage:
    """One page of a feed as its templates show it. Raises ValueError for a broken cursor."""
    found = source.page(before)
    # Below the top, "newer" is not what was written since but a page up: only the top of the feed stays live. A fold
    # holds what was written together, and has no newer.
    is_fold = request.args.get("run") is not None
    over = before is None and source.search is not None and source.search.is_over(found.head)
    live = before is None and not is_fold and not over
    newer = _to(address, "after", _top(source, found)) if live else None
    shown = _shown(found.rows, _older(source, address, found), newer, found.head, source.beginning)
    shown = shown._replace(looked=_looked_back(source, found), is_over=over)
    # Reached from above, a page has what is above it there already.
    alone = before is not None and found.rows and not is_fold and not wants_fragment()
    return shown._replace(above_url=_to(address, "above", source.top(found.rows))) if alone else shown


def page_above(source: AnyFeed, address: str, after: str) -> FeedPage:
    """One page upwards. Raises ValueError for a broken cursor."""
    found = source.page_above(after)
    older = None if wants_fragment() else _to(address, source.older_word, source.below(found.rows, after))
    shown = _shown(found.rows, older, None, found.head)
    return shown._replace(above_url=_above(address, found), is_newest=found.above is None)


def page_at(source: AnyFeed, address: str, moment: Asked) -> FeedPage:
    """The page that begins at a moment; where nothing had happened yet, the first entries there are."""
    assert moment.end is not None
    if moment.is_to_come:
        return page_of(source, address)._replace(moment=moment.shown())
    found = source.page_until(moment.end)
    is_before = not found.rows
    if is_before:
        found = source.page_above(source.top([]), NEAREST)
    shown = _shown(found.rows, _older(source, address, found), None, found.head, source.beginning)
    shown = shown._replace(looked=_looked_back(source, found))
    return shown._replace(above_url=_above(address, found), moment=moment.shown(is_before=is_before))


def _older(source: AnyFeed, address: str, found: Page) -> str | None:
    return _to(address, source.older_word, found.older) if found.older else None


def _above(address: str, found: Page) -> str | None:
    return _to(address, "above", found.above) if found.above else None


def _to(address: str, word: str, value: str) -> str:
    """An address that says one thing more."""
    return f"{address}{'&' if '?' in address else '?'}{word}={value}"


def _top(source: AnyFeed, found: Page) -> str:
    """From where on entries are newer than the page: of a search, behind all that it has looked at and passed by."""
    if not source.search:
        return source.top(found.rows)
    if isinstance(source, OrganisationFeed):
        return str(found.head)
    shown = Cursor.parse(source.top(found.rows))
    # What was being written while it looked may bear an earlier time.
    return str(max(shown, personal.cursor_at(source.search.asker.now - UNDER_WAY)))


def _drops(source: AnyFeed, finder: Finder) -> list[Chip]:
    """The terms of a query that finds nothing, those first without which most is found."""
    chips = finder.chips
    if not isinstance(source.search, Search):
        return chips
    return [chips[place] for place, found in narrowest(source.search) if found]


def _looked_back(source: AnyFeed, found: Page) -> datetime | None:
    """How far back a search has looked that goes on further down."""
    if not source.search or found.older is None:
        return None
    return found.looked.at if found.looked else found.rows[-1].occurred_at


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
    rows = [
        _fold_html(entry, _to(address, "run", ""), zone, entry in hung)
        if isinstance(entry, Fold)
        else _row_html(entry, show_organisation, zone, entry.actor_id in namesakes)
        for entry in ordered
    ]
    return Markup(keeping("".join(rows)))  # noqa: S704


@lru_cache(maxsize=KEPT_MOST)
def _row_html(entry: Row, show_organisation: bool, zone: str, namesake: bool) -> str:
    # As `once` does; fifty a page are looked for, and words between the values would double what that costs.
    return _narrow(always(ROW, entry=entry, show_organisation=show_organisation, zone=zone, namesake=namesake))


@lru_cache(maxsize=KEPT_MOST)
def _fold_html(fold: Fold, address: str, zone: str, hung: bool) -> str:
    return _narrow(always(FOLD, fold=fold, address=address, zone=zone, hung=hung))


def _narrow(html: str) -> str:
    """Fifty rows are joined and encoded many times faster when all are ASCII, so other characters are referred to."""
    return html.encode("ascii", "xmlcharrefreplace").decode()


def finder_html(
    finder: Finder,
    moment: MomentShown | None,
    address: str,
    organisation: Here | None,
    views: Sequence[ViewName] | None,
) -> Markup:
    """The search field above a feed, rendered once a process for the same query.

    `views` is None where none can be saved.
    """
    named = None if organisation is None else organisation.named
    saved = None if views is None else tuple(views)
    shown = {"finder": finder, "moment": moment, "address": address, "organisation": named, "views": saved}
    return _finder_once(**shown) if finder.is_plain and moment == NO_MOMENT else always(FINDER, **shown)


@lru_cache(maxsize=FINDERS_KEPT)
def _finder_once(**shown: Any) -> Markup:
    # Apart from `once`: people may ask for anything, and rows are not to be forgotten for that.
    return always(FINDER, **shown)


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
    found = seal.standing(source.scope.organisation.id) if isinstance(source, OrganisationFeed) else None
    head = found.head if found else source.head()
    etag = etag_of(head, found)
    if "show" in request.args:
        rows = source.newer(after)
        top = source.top(rows) if rows else after
        shown = _shown(rows, None, _to(address, "after", top), head)._replace(seal=found)
        count = source.count_newer(top) if rows else 0
        # What a person sets off is done by the system, and not in their own feed.
        causes = source.causes(rows, after) if isinstance(source, OrganisationFeed) else []
        return render(
            "activity/_newer_rows.html",
            page=shown,
            count=_describe_count(count),
            address=address,
            causes=causes,
            tells_seal=True,
        )
    if request.headers.get("If-None-Match") == etag:
        response = make_response("", 304)
    else:
        shown = _shown([], None, _to(address, "after", after), head)._replace(seal=found)
        response = render(
            "activity/_newer.html", page=shown, count=_describe_count(source.count_newer(after)), tells_seal=True
        )
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _shown(
    rows: Sequence[Item], older_url: str | None, newer_url: str | None, head: int, beginning: str = ""
) -> FeedPage:
    return FeedPage(rows, _by_day(rows), older_url, newer_url, head, namesakes(rows), beginning)


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
