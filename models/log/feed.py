"""The door out: the only place where an organisation's entries are read. Keyset pages, one query each, plain rows."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import TextClause, text

from models.database import read
from models.log.actor import SYSTEM_NAME
from models.log.runs import SEES_MONEY, caused, run_size, run_tally
from models.log.spoken import actor, filled, filled_changes, names, told

SIZE = 50
LATEST = 2**63 - 1
# How many new entries are counted before we only say "more than".
COUNTED = 100


class OrganisationName(NamedTuple):
    """An organisation as rows of a feed name it."""

    id: int
    handle: str
    name: str


class Row(NamedTuple):
    """An entry as feeds show it."""

    organisation: OrganisationName
    number: int
    occurred_at: datetime
    actor_id: int | None
    actor_name: str
    action: str
    resource_type: str
    resource_name: str
    project_name: str | None
    summary: str
    cause_number: int | None
    changes: str | None = None
    """Old and new value of each field, as JSON: read with every page, and understood when the row is rendered."""
    caused: int | None = None
    """How many entries it set off, of those that may be shown; None where there are none."""

    def __hash__(self) -> int:
        """Hashes its place in the log alone: a cache of rows is asked fifty times a page."""
        return hash((self.organisation.id, self.number))


class Fold(NamedTuple):
    """A run of entries that follow each other and have the same cause, shown as one line that unfolds."""

    organisation: OrganisationName
    first_number: int
    number: int
    """Of its newest entry."""
    occurred_at: datetime
    cause_number: int
    cause_actor: str
    cause_summary: str
    tally: tuple[tuple[str, int], ...]
    """How many of what, in all projects and of those that may be shown: ("deleted project", 41)."""
    partly: bool
    """Whether only part of it belongs to the feed."""

    @property
    def size(self) -> int:
        """How many entries it holds, in all projects and of those that may be shown."""
        return sum(count for _, count in self.tally)

    def __hash__(self) -> int:
        return hash((self.organisation.id, self.number))


Item = Row | Fold


class Looked(NamedTuple):
    """How far a search has looked: everything it finds from there on is known."""

    number: int
    at: datetime


class Page(NamedTuple):
    """Items, newest first."""

    rows: Sequence[Item]
    older: str | None
    """The cursor of what comes after them; None at the beginning of the log."""
    head: int
    """The number of the newest entry there was when the page was read, whether it belongs to the feed or not."""
    above: str | None = None
    """The cursor of what comes before them in the feed, of a page that was read upwards; None at its newest entry."""
    looked: Looked | None = None
    """How far a search has looked, where it has not found a page full."""


class Scope(NamedTuple):
    """Which entries of one organisation a feed shows."""

    organisation: OrganisationName
    condition: str = ""
    values: Mapping[str, Any] = {}
    money: bool = True
    """Whether entries about billing are among them: not everyone who may read the log may see amounts and cards."""


def whole(organisation: OrganisationName, money: bool = True) -> Scope:
    """Selects all entries of the organisation."""
    return Scope(organisation, money=money)


def of_project(organisation: OrganisationName, project_id: int, money: bool = True) -> Scope:
    """Selects the entries about a project and what is in it."""
    return Scope(organisation, "project", {"project": project_id}, money)


def of_resource(organisation: OrganisationName, noun: str, resource_id: int, money: bool = True) -> Scope:
    """Selects the history of one resource; by id, since handles are free again after the end."""
    return Scope(organisation, "resource", {"noun": noun, "resource": resource_id}, money)


def of_cause(organisation: OrganisationName, number: int, money: bool = True) -> Scope:
    """Selects what an entry set off."""
    return Scope(organisation, "cause", {"cause": number}, money)


def of_run(scope: Scope, first_number: int) -> Scope:
    """Selects the part of a feed that a fold holds, entry by entry. Raises ValueError for a feed that folds nothing."""
    if scope.condition not in IN_FEED:
        raise ValueError(f"a feed of a {scope.condition} folds nothing")
    return scope._replace(condition=f"{scope.condition} run".strip(), values={**scope.values, "run": first_number})


def page(scope: Scope, before: int = LATEST, size: int = SIZE) -> Page:
    """Reads the `size` entries before number `before`, newest first; fewer items where a run is folded.

    However long a run is, the next page begins below it.
    """
    head, found = _read(older_query, scope, before, size + 1)
    older = None
    if len(found) > size:
        last = found[size - 1]
        older = str(last[NUMBER] if last[RUN] is None else RunColumns(*last[RUN]).first_number)
    return Page(_items(scope, found[:size]), older, head)


def page_above(scope: Scope, after: int, size: int = SIZE) -> Page:
    """Reads the `size` entries above number `after`, newest first; the page above that begins where this one ends."""
    head, found = _read(newer_query, scope, after, size + 1)
    shown = found[size - 1 :: -1] if len(found) > size else found[::-1]
    above = None
    if len(found) > size:
        newest = shown[0]
        above = str(newest[NUMBER] if newest[RUN] is None else RunColumns(*newest[RUN]).last_number)
    return Page(_items(scope, shown), None, head, above)


def newer(scope: Scope, after: int, size: int = 4 * SIZE) -> list[Item]:
    """Reads the `size` entries that follow number `after`, newest first."""
    _, found = _read(newer_query, scope, after, size)
    return _items(scope, found[::-1])


def causes(scope: Scope, newer: Sequence[Item], after: int) -> list[Row]:
    """Reads the entries up to number `after` that set off newer ones: they have caused more than was shown of them."""
    numbers = {each.cause_number for each in newer if each.cause_number and each.cause_number <= after}
    if not numbers:
        return []
    found = read(THOSE, {"organisation": scope.organisation.id, "numbers": list(numbers), "money": scope.money})
    return [row_of(scope.organisation, row) for row in found]


def count_newer(scope: Scope, after: int) -> int:
    """Counts the entries that follow number `after`, up to COUNTED."""
    if not scope.condition and scope.money:
        # Numbers have no gaps: the difference is the count.
        return min(COUNTED, max(0, head(scope.organisation.id) - after))
    values = {
        "organisation": scope.organisation.id,
        "edge": after,
        "limit": COUNTED,
        "money": scope.money,
        **scope.values,
    }
    return int(read(COUNT[scope.condition], values)[0][0])


def head(organisation_id: int) -> int:
    """Reads the number of the newest entry, which tells whether a feed is still fresh; 0 without any."""
    found = read(HEAD, {"organisation": organisation_id})
    return int(found[0][0]) if found else 0


class RunColumns(NamedTuple):
    """The run that a row is in, as a page's query brings it."""

    first_number: int
    last_number: int
    project_id: int | None
    tally: dict[str, int]
    cause_actor: str | None
    """None: the system."""
    cause_summary: str


# What a page's query brings: the head, the columns of a Row, and the run that folds it, if one does.
_Raw = Sequence[tuple[Any, ...]]
HEAD_NUMBER, ROW, NUMBER, RUN = 0, 1, 2, -1


def row_of(organisation: OrganisationName, columns: Sequence[Any]) -> Row:
    """Returns the row of what a query has read: first the names of the people it speaks of, None of nobody."""
    names: Sequence[str | None] | None = columns[0]
    # Made of the sequence as it is: a page has fifty.
    row = Row._make((organisation, *columns[1:]))
    if names is None:
        return row
    return row._replace(
        resource_name=filled(row.resource_name, names),
        summary=filled(row.summary, names),
        changes=row.changes and filled_changes(row.changes, names),
    )


def _read(query: Callable[[str, int, bool], TextClause], scope: Scope, edge: int, limit: int) -> tuple[int, _Raw]:
    """The organisation's head, and the rows of a page."""
    values = {"organisation": scope.organisation.id, "edge": edge, **scope.values}
    found = read(query(scope.condition, limit, scope.money), values)
    head = found[0][HEAD_NUMBER] if found else 0
    return head, found if found and found[0][NUMBER] is not None else ()


def _items(scope: Scope, found: _Raw) -> list[Item]:
    organisation = scope.organisation
    items: list[Item] = []
    folded = None
    for each in found:
        run = each[RUN]
        if run is None:
            items.append(row_of(organisation, each[ROW:RUN]))
        elif run != folded:
            items.append(fold_of(scope, row_of(organisation, each[ROW:RUN]), RunColumns(*run)))
        folded = run
    return items


def fold_of(scope: Scope, newest: Row, run: RunColumns) -> Fold:
    """Returns the fold that stands for a run in a feed."""
    return Fold(
        scope.organisation,
        run.first_number,
        run.last_number,
        newest.occurred_at,
        newest.cause_number or 0,
        run.cause_actor or SYSTEM_NAME,
        run.cause_summary,
        tuple(run.tally.items()),
        partly=scope.condition == "project" and run.project_id != scope.values["project"],
    )


# What is read of an entry in the table, and what becomes of it once it is among those that are shown: names are looked
# up for no other. Changes as text: fifty objects a page would be built for rows that are rendered already.
STORED = """number, occurred_at, actor_id, actor_person, people, action, resource_type, resource_name, project_name,
           summary, cause_number, changes"""
COLUMNS = f"""{names()} AS names, number, occurred_at, actor_id, {actor()} AS actor_name, action, resource_type,
           resource_name, project_name, summary, cause_number, CAST(changes AS text) AS changes"""
CAUSED = caused(SEES_MONEY)
END_OF_RUN = "SELECT last_number FROM activity_runs WHERE organisation_id = :organisation AND first_number = :run"
OF_RUN = f"AND number BETWEEN :run AND ({END_OF_RUN})"
CONDITIONS = {
    "": "",
    "project": "AND project_id = :project",
    "resource": "AND resource_type = CAST(:noun AS activity_resource) AND resource_id = :resource",
    "cause": "AND cause_number = :cause",
    "run": OF_RUN,
    "project run": f"AND project_id = :project {OF_RUN}",
}
# A filter on the way down the same index: few entries are about money.
SHOWN = f"AND ({SEES_MONEY} OR resource_type <> 'billing')"
# A shorter run takes no more room than the line that would stand for it and its cause.
FOLDED_LEAST = 4
ALONE = f"SELECT {COLUMNS}, {CAUSED}, NULL FROM entry"
# How many of a run's entries a feed shows; other feeds show entry by entry what folds hold. Runs go through several
# projects, so one of them may have few, or one: only as many are looked up as decide.
IN_FEED = {
    "": run_size(SEES_MONEY),
    "project": f"""CASE WHEN found.project_id = :project THEN last_number - first_number + 1 ELSE (
            SELECT count(*) FROM (
                SELECT FROM activity_entries AS other
                 WHERE organisation_id = :organisation AND project_id = :project
                   AND number BETWEEN first_number AND last_number {SHOWN} LIMIT {FOLDED_LEAST}) AS others) END""",
}
# The run that an entry is in: the last one that begins at or before it, if it reaches so far. Entries without a cause
# are in none, and are not looked up. One column, empty in most rows: six would be a third of what a page reads.
WITH_RUN = {
    name: f"""
    SELECT {COLUMNS}, {CAUSED}, run.columns FROM entry
      LEFT JOIN LATERAL (
        SELECT jsonb_build_array(first_number, last_number, found.project_id, {run_tally(SEES_MONEY)},
                                 (names_of(cause.organisation_id, ARRAY[cause.actor_person]))[1],
                                 CASE WHEN {SEES_MONEY} OR cause.resource_type <> 'billing'
                                      THEN {told("summary", "cause")} ELSE 'Billing' END) AS columns
          FROM (SELECT * FROM activity_runs
                 WHERE activity_runs.organisation_id = entry.organisation_id AND first_number <= entry.number
                   AND entry.cause_number IS NOT NULL
                 ORDER BY first_number DESC LIMIT 1) AS found
          JOIN activity_entries AS cause
            ON cause.organisation_id = found.organisation_id AND cause.number = found.cause_number
         WHERE last_number >= entry.number AND {size} >= {FOLDED_LEAST}
      ) AS run ON true
"""
    for name, size in IN_FEED.items()
}


@cache
def older_query(condition: str, limit: int, money: bool) -> TextClause:
    """Returns the query of so many entries below an edge; one more than a page shows what is older without a COUNT."""
    return _page("<", "DESC", condition, limit, money)


@cache
def newer_query(condition: str, limit: int, money: bool) -> TextClause:
    """Returns the query of so many entries above an edge."""
    return _page(">", "ASC", condition, limit, money)


def _page(edge: str, order: str, condition: str, limit: int, money: bool) -> TextClause:
    """The query of a page; only constants of this module are put into the text.

    The head comes with every row, and alone when there is none: read at another moment than the rows, it would announce
    an entry that is shown already, or miss one that is not. How many there are to be and whether money is shown is part
    of the text: a plan for any of both looks so costly that PostgreSQL would make one for each page anew, which takes
    as long as the page.
    """
    query = f"""
        WITH entry AS MATERIALIZED (
            SELECT organisation_id, {STORED} FROM activity_entries
             WHERE organisation_id = :organisation AND number {edge} :edge {CONDITIONS[condition]} {SHOWN}
             ORDER BY number {order} LIMIT {limit})
        SELECT head.last_number, page.* FROM activity_heads AS head
          LEFT JOIN ({WITH_RUN.get(condition, ALONE)}) AS page ON true
         WHERE head.organisation_id = :organisation ORDER BY page.number {order}
    """
    return text(query.replace(SEES_MONEY, str(money)))


COUNT = {
    name: text(f"""
    SELECT count(*) FROM (
        SELECT 1 FROM activity_entries
         WHERE organisation_id = :organisation AND number > :edge {condition} {SHOWN}
         LIMIT :limit) AS newer
""")
    for name, condition in CONDITIONS.items()
}
THOSE = text(f"""
    SELECT {COLUMNS}, {CAUSED} FROM activity_entries AS entry
     WHERE organisation_id = :organisation AND number = ANY(CAST(:numbers AS bigint[])) {SHOWN}
""")
HEAD = text("SELECT last_number FROM activity_heads WHERE organisation_id = :organisation")
