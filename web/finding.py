"""The search field above a feed: what was asked for, and the addresses that ask for more, less or something else."""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import NamedTuple
from urllib.parse import quote, urlencode

from flask import request

from models.ended import all_projects
from models.log import offers
from models.log.actor import SYSTEM_NAME, Door
from models.log.keys import KEYS, ME, PREFIX, BadQuery
from models.log.query import ALL, Query, Term, parse
from models.log.record import PAST, Action
from models.numbers import whole_number
from web.words import today

MENUS = {
    "actor": "Person",
    "action": "Action",
    "type": "Type",
    "resource": "Name",
    "project": "Project",
    "via": "Door",
    "at": "Date",
}
PROJECTS_MOST = 200
DOORS = {
    Door.WEB: "the dashboard",
    Door.API: "the API",
    Door.WORKER: "the worker",
    Door.CLI: "the command line",
}
SPANS = {"24h": "Last 24 hours", "7d": "Last 7 days", "30d": "Last 30 days", "365d": "Last year"}


class Chip(NamedTuple):
    """One term of the query, and where the query without it or with its opposite is found."""

    term: str
    explained: str
    excluded: bool
    without_url: str
    opposite_url: str


class Offer(NamedTuple):
    """One choice of a menu."""

    label: str
    aside: str
    term: str
    is_asked: bool
    """Whether the query asks for it already."""
    url: str
    except_url: str


class Menu(NamedTuple):
    """A key whose values can be chosen."""

    key: str
    label: str
    url: str
    is_open: bool


class Searched(NamedTuple):
    """A feed as something to search in."""

    address: str
    organisation_id: int | None = None
    """None of a feed over several organisations."""
    sees_money: bool = True
    given: frozenset[str] = frozenset()
    """The keys that the feed itself decides."""

    def at(self, query: Query, **more: str) -> str:
        """Returns where a query is found in this feed."""
        asked = {"q": str(query)} if query else {}
        return f"{self.address}?{urlencode({**asked, **more})}" if asked or more else self.address


class Finder(NamedTuple):
    """What the page shows of the query."""

    searched: Searched
    text: str
    """As it was typed, where it is not understood."""
    query: Query = ALL
    error: BadQuery | None = None
    opened: str = ""
    """The menu that is open."""
    moved_to: str | None = None
    """Where the query is found that the address makes of this one."""
    drops: Sequence[Chip] = ()
    """The terms to drop, of a query that finds nothing."""

    @property
    def is_plain(self) -> bool:
        """Whether it shows nothing but what is asked for: no error, no open menu, no terms to drop."""
        return not (self.error or self.opened or self.drops)

    @property
    def chips(self) -> list[Chip]:
        """The terms of the query."""
        return [self._chip(term) for term in self.query.terms]

    @property
    def address(self) -> str:
        """Where the feed is found with the query."""
        return self.searched.at(self.query)

    @property
    def menus(self) -> list[Menu]:
        """The menus of this feed."""
        return [
            Menu(key, label, self.searched.at(self.query, menu="" if key == self.opened else key), key == self.opened)
            for key, label in MENUS.items()
            if key not in self.searched.given and (key != "resource" or self.searched.organisation_id is not None)
        ]

    def offers(self) -> list[Offer]:
        """Reads what the open menu offers: what there is in the log, also of those who left and what was deleted."""
        choices = CHOICES.get(self.opened)
        return [self._offer(*choice) for choice in choices(self.searched)] if choices else []

    def _chip(self, term: Term) -> Chip:
        rest = self.query.without_term(term)
        return Chip(
            str(term),
            term.explain(),
            term.excluded,
            self.searched.at(rest),
            self._with(self.query, term.opposite),
        )

    def _offer(self, label: str, value: str, aside: str = "") -> Offer:
        term = Term(self.opened, (value,))
        asked = {each for every in self.query.of(self.opened) for each in every.values}
        # A second date would leave what is of both.
        rest = self.query.without_key("at") if self.opened == "at" else self.query
        return Offer(label, aside, str(term), value in asked, self._with(rest, term), self._with(rest, term.opposite))

    def _with(self, query: Query, term: Term) -> str:
        try:
            return self.searched.at(query.with_term(term))
        except BadQuery:
            return self.searched.at(query, add=str(term))  # which says that it is too much


def finder_of(searched: Searched) -> Finder:
    """Reads what the address asks for; `moved_to` says where that is found if the address adds something to it."""
    given = request.args
    if not given:
        return Finder(searched, "")
    text, opened = given.get("q", ""), given.get("menu", "")
    query = ALL
    try:
        query = parse(text)
        asked = _added(searched, query)
    except BadQuery as error:
        text = " ".join(each for each in (text, given.get("add", "")) if each)
        return Finder(searched, text, query, error)
    moved_to = None if asked is query else searched.at(asked)
    return Finder(searched, str(query), query, opened=opened if opened in MENUS else "", moved_to=moved_to)


def _added(searched: Searched, query: Query) -> Query:
    """The query with what `add`, `of`, `from` and `to` in the address say. Raises BadQuery."""
    given = request.args
    added, first, last = (given.get(name, "").strip() for name in ("add", "from", "to"))
    for term in (*parse(added).terms, *_project_of(searched, given.get("of", ""))):
        query = query.with_term(term)
    if first or last:
        value = f"{first}..{last}" if first and last else f">={first}" if first else f"<={last}"
        query = query.without_key("at").with_term(Term("at", (value,)))
    return query


def _project_of(searched: Searched, written: str) -> Iterator[Term]:
    """The project of the entry with a number; with a minus before it, what is not of that project."""
    try:
        number = whole_number(written.removeprefix("-"), offers.LATEST)
    except ValueError:
        return
    if searched.organisation_id and (handle := offers.project_of(searched.organisation_id, number)):
        yield Term("project", (handle,), written.startswith("-"))


def adding(key: str, value: str) -> str:
    """Returns a link that adds a term to the query of whatever page it is on."""
    return f"?add={quote(str(Term(key, (value,))), safe='')}"


def keeping(rows: str) -> str:
    """Returns rows whose links also keep what the page asks for: they are rendered once, for every page."""
    asked = request.args.get("q")
    if not asked:
        return rows
    # In one go, which takes a tenth of the time of the page: links that begin so all add to the query.
    return rows.replace('href="?', f'href="?q={quote(asked, safe="")}&amp;')


def suggestions(searched: Searched, text: str) -> Iterator[tuple[str, str]]:
    """Yields how the text may go on, as labels and whole texts: keys, or values of the key that it ends with."""
    begin = max(text.rfind(" "), text.rfind("\n")) + 1
    before, typed = text[:begin], text[begin:]
    minus = "-" if typed.startswith("-") else ""
    key, colon, values = typed.removeprefix("-").partition(":")
    if not colon:
        for each in KEYS.values():
            if each.name.startswith(key.lower()) and each.name not in searched.given:
                yield f"{each.name}:", f"{before}{minus}{each.name}:"
        return
    chosen, comma, value = values.rpartition(",")
    for label, offered in _values_of(key.lower(), searched):
        if value.strip('"').lower() in offered.lower():
            written = str(Term(key.lower(), (offered,))).partition(":")[2]
            yield label, f"{before}{minus}{key.lower()}:{chosen}{comma}{written} "


def _values_of(key: str, searched: Searched) -> Iterator[tuple[str, str]]:
    if key in CHOICES and key not in searched.given:
        yield from ((label, value) for label, value, _ in CHOICES[key](searched))
    elif key in KEYS:
        yield from ((value, value) for value in KEYS[key].allowed())


Choices = Iterator[tuple[str, str, str]]


def _people(searched: Searched) -> Choices:
    yield "You", ME, ""
    yield "system", SYSTEM_NAME, "the platform itself"
    if searched.organisation_id is not None:
        for each in offers.actors(searched.organisation_id):
            yield each.name, each.name, "" if each.is_member else "left"


def _actions(_: Searched) -> Choices:
    yield from ((PAST[each].capitalize(), str(each), "") for each in Action)


def _types(searched: Searched) -> Choices:
    if searched.organisation_id is None:
        found = [each for each in KEYS["type"].allowed() if searched.sees_money or each != "billing"]
    else:
        found = offers.types_in(searched.organisation_id, searched.sees_money)
    yield from ((each.capitalize(), each, "") for each in found)


def _projects(searched: Searched) -> Choices:
    if searched.organisation_id is not None:
        for each in all_projects(searched.organisation_id, size=PROJECTS_MOST):
            yield each.name, each.handle, "" if each.state == "active" else each.state


def _names(searched: Searched) -> Choices:
    if searched.organisation_id is not None:
        for each in offers.beginnings(searched.organisation_id, searched.sees_money):
            things = f"{each.things}" if each.things < offers.THINGS_MOST else f"{offers.THINGS_MOST - 1}+"
            yield f"{each.text}…", f"{each.text}{PREFIX}", f"{things} things"


def _doors(_: Searched) -> Choices:
    yield from ((DOORS[each].capitalize(), str(each), "") for each in Door)


def _dates(_: Searched) -> Choices:
    now = today()
    yield "Today", f"{now}", ""
    yield "Yesterday", f"{now - timedelta(days=1)}", ""
    sunday = now - timedelta(days=now.isoweekday())
    yield "Last Sunday", f"{sunday}", f"{sunday.day} {sunday:%B}"
    yield "This month", f"{now:%Y-%m}", f"{now:%B}"
    yield from ((label, value, "") for value, label in SPANS.items())


CHOICES: dict[str, Callable[[Searched], Choices]] = {
    "actor": _people,
    "action": _actions,
    "type": _types,
    "resource": _names,
    "project": _projects,
    "via": _doors,
    "at": _dates,
}
