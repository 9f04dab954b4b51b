"""Where a feed on a page comes from: the log of an organisation or of a person, all of it or what is searched for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from models.log import feed, personal
from models.log.boundary import boundary
from models.log.feed import Fold, Item, Page, Row, Scope
from models.log.personal import Cursor
from models.log.personal_search import PersonalSearch
from models.log.query import Query
from models.log.search import Asker, Search
from models.numbers import whole_number
from models.people.standing import Belongings
from web.addresses import address
from web.finding import Searched

# What the feed itself decides and nobody need ask for.
GIVEN = {"project": frozenset({"project"}), "resource": frozenset({"project", "type", "resource"})}
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
    search: Search | None = None
    """What it is searched for; None of a feed that shows all there is."""
    older_word = "before"

    @property
    def has_moments(self) -> bool:
        """Whether it leads to moments: what an entry set off is read from its newest one."""
        return self.scope.condition in ("", "project", "resource")

    @property
    def beginning(self) -> str:
        """Says what is reached below the oldest entry."""
        return BEGINNINGS[self.scope.condition]

    @property
    def organisation_ids(self) -> list[int]:
        """The ids of the organisations whose entries it shows."""
        return [self.scope.organisation.id]

    def searched(self, at: str) -> Searched:
        """Describes the feed at an address as something to search in; what an entry set off is found in the whole."""
        of = self.scope.organisation
        if not self.has_moments:
            at = address("activity.of_organisation", org=of.handle)
        return Searched(at, of.id, self.scope.money, GIVEN.get(self.scope.condition, frozenset()))

    def asking(self, query: Query, asker: Asker) -> "OrganisationFeed":
        """Returns the part of it that a query finds."""
        return replace(self, search=Search(self.scope, query, asker))

    def page(self, before: str | None) -> Page:
        """Reads the page below a number. Raises ValueError, BadQuery."""
        edge = feed.LATEST if before is None else whole_number(before, feed.LATEST)
        return self.search.page(edge) if self.search else feed.page(self.scope, edge)

    def page_above(self, after: str, size: int = feed.SIZE) -> Page:
        """Reads the page above a number. Raises ValueError, BadQuery."""
        edge = whole_number(after, feed.LATEST)
        return self.search.page_above(edge, size) if self.search else feed.page_above(self.scope, edge, size)

    def page_until(self, moment: datetime) -> Page:
        """Reads the page that begins with the last entry before a moment."""
        last = boundary(self.scope.organisation.id, moment)
        if self.search:
            page = self.search.page(last + 1)
            return page._replace(above=str(last) if last < page.head else None)
        page = feed.page(self.scope, last + 1)
        # A fold at its top may reach beyond the moment.
        top = max(last, int(self.top(page.rows)))
        every = self.scope == feed.whole(self.scope.organisation)
        more = top < page.head and (every or feed.count_newer(self.scope, top) > 0)
        return page._replace(above=str(top) if more else None)

    def newer(self, after: str) -> Sequence[Item]:
        """Reads what follows a number. Raises ValueError, BadQuery."""
        edge = whole_number(after, feed.LATEST)
        return self.search.newer(edge) if self.search else feed.newer(self.scope, edge)

    def causes(self, newer: Sequence[Item], after: str) -> Sequence[Row]:
        """Reads what set off some of the newer ones, up to a number; nothing in a search. Raises ValueError."""
        if self.search:
            return []
        return feed.causes(self.scope, newer, whole_number(after, feed.LATEST))

    def count_newer(self, after: str) -> int:
        """Counts what follows a number. Raises ValueError, BadQuery."""
        edge = whole_number(after, feed.LATEST)
        return self.search.count_newer(edge) if self.search else feed.count_newer(self.scope, edge)

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
    search: PersonalSearch | None = None
    """What it is searched for; None of a feed that shows all there is."""
    older_word = "cursor"
    has_moments = True

    @property
    def organisation_ids(self) -> list[int]:
        """The ids of the organisations whose entries it shows."""
        return [each.id for each in self.belongings.organisations]

    def searched(self, at: str) -> Searched:
        """Describes the feed at an address as something to search in."""
        of = self.belongings
        one = of.organisations[0].id if len(of.organisations) == 1 else None
        sees_money = len(of.moneyless) < len(of.organisations)
        return Searched(at, one, sees_money, frozenset({"actor"} if one else {"actor", "project"}))

    def page(self, before: str | None) -> Page:
        """Reads the page below a cursor. Raises ValueError."""
        edge = personal.NEWEST if before is None else Cursor.parse(before)
        if self.search:
            return self.search.page(edge)
        return personal.page(self.user_id, self.belongings.organisations, edge, moneyless=self.belongings.moneyless)

    def page_above(self, after: str, size: int = feed.SIZE) -> Page:
        """Reads the page above a cursor. Raises ValueError."""
        of = self.belongings
        if self.search:
            return self.search.page_above(Cursor.parse(after), size)
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

    def asking(self, query: Query, asker: Asker) -> "PersonFeed":
        """Returns the part of it that a query finds."""
        of = self.belongings
        return replace(self, search=PersonalSearch(self.user_id, of.organisations, of.moneyless, query, asker))

    def _newer(self, after: Cursor, size: int) -> list[Row]:
        if self.search:
            return self.search.newer(after, size)
        return personal.newer(self.user_id, self.belongings.organisations, after, size, self.belongings.moneyless)


AnyFeed = OrganisationFeed | PersonFeed
