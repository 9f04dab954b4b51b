"""What pages show of an organisation, of a project and of a kind at a glance: one query each, plain rows."""

from functools import cache
from typing import NamedTuple

from sqlalchemy import TextClause, text

from models.billing.usage import Usage
from models.database import read
from models.installation import Engine
from models.jobs.job import Progress, Trouble
from models.kinds.catalogue import KINDS
from models.kinds.resource import Resource

# More than anyone has seen an organisation have; a list in pages is for when one does.
PROJECTS_MOST = 500
FIRST_FEW = 10
LATEST, LATEST_PROJECT = 2**63 - 1, 2**31 - 1


class Balance(NamedTuple):
    """The prepaid balance, in cents, and when it fills itself."""

    balance_cents: int
    auto_top_up: bool
    """Whether it fills itself: not while the card is declined."""
    threshold_cents: int


class ProjectLine(NamedTuple):
    """A project in a list."""

    handle: str
    name: str
    state: str


class Overview(NamedTuple):
    """An organisation at a glance."""

    counts: dict[str, int]
    """How many it has: "projects", "members", and living resources by the noun of their kind."""
    failing: dict[str, int]
    """How many of them are in error, by the noun of their kind."""
    balance: Balance
    projects: list[ProjectLine]
    """Those that are not deleted, newest first."""
    progress: Progress | None
    """The newest job of the organisation as a whole."""
    troubles: list[Trouble]
    """The jobs that failed too often."""
    engine: Engine
    uses: Usage
    """What is charged for now."""
    has_card: bool


class Line(NamedTuple):
    """A resource in a list of its kind."""

    id: int
    handle: str
    name: str
    detail: str
    """What tells it from its neighbours."""
    state: str
    status: str | None
    revision: int | None
    deployed_revision: int | None


class Placed(NamedTuple):
    """A resource in the list of its kind in a whole organisation."""

    line: Line
    project_id: int
    project_handle: str
    project_name: str

    @property
    def place(self) -> tuple[int, int]:
        """Where it stands in the list."""
        return (self.project_id, self.line.id)


class Few(NamedTuple):
    """The newest living resources of one kind, and how many there are in all."""

    kind: type[Resource]
    lines: list[Line]
    total: int


class Contents(NamedTuple):
    """A project at a glance."""

    kinds: list[Few]
    engine: Engine


def overview(organisation_id: int) -> Overview:
    """Reads an organisation's figures, projects and unfinished work."""
    [(counts, failing, projects, troubles, *row)] = read(
        OVERVIEW, {"organisation": organisation_id, "limit": PROJECTS_MOST}
    )
    balance, job, engine = row[:3], row[3:10], row[10:13]
    return Overview(
        counts,
        failing,
        Balance(*balance),
        [ProjectLine(*each) for each in projects or ()],
        None if job[0] is None else Progress(*job),
        [Trouble(*each) for each in troubles or ()],
        Engine(*engine),
        Usage(*row[13:16]),
        row[16],
    )


def contents(organisation_id: int, project_id: int) -> Contents:
    """Reads the newest living resources of each kind in a project."""
    values = {"organisation": organisation_id, "project": project_id, "before": LATEST, "limit": FIRST_FEW}
    [row] = read(CONTENTS, values)
    found, engine = row[:-3], row[-3:]
    few = [
        Few(kind, [Line(*line) for line in found[2 * place] or ()], found[2 * place + 1])
        for place, kind in enumerate(KINDS)
    ]
    return Contents(few, Engine(*engine))


def lines(
    kind: type[Resource], organisation_id: int, project_id: int, before: int = LATEST, size: int = 50
) -> list[Line]:
    """Reads the living resources of one kind in a project, newest first, from below an id."""
    values = {"organisation": organisation_id, "project": project_id, "before": before, "limit": size}
    return [Line(*row) for row in read(_lines(kind), values)]


def everywhere(
    kind: type[Resource],
    organisation_id: int,
    before: tuple[int, int] = (LATEST_PROJECT, LATEST),
    size: int = 50,
    only_failing: bool = False,
) -> list[Placed]:
    """Reads the living resources of one kind in all projects, those of the newest project first, from below a place.

    `only_failing` leaves those that are in error, of a kind that runs.
    """
    project, id = before
    values = {"organisation": organisation_id, "project": project, "before": id, "limit": size}
    found = read(query_of_everywhere(kind, only_failing), values)
    return [Placed(Line(*row[: len(Line._fields)]), *row[len(Line._fields) :]) for row in found]


IN_PROJECT = "project_id = :project AND ended_at IS NULL"
IN_ERROR = "state = 'active' AND status = 'error'"


@cache
def _lines(kind: type[Resource]) -> TextClause:
    return text(_newest(kind))


@cache
def query_of_everywhere(kind: type[Resource], only_failing: bool) -> TextClause:
    """Returns the statement that reads a kind in all projects, along the index that a project's own list walks."""
    columns = ", ".join(Line._fields)
    return text(f"""
        SELECT {columns}, project_id, projects.project_handle, projects.project_name
          FROM (SELECT {_columns(kind)}, project_id FROM {kind.plural}
                 WHERE organisation_id = :organisation AND ended_at IS NULL
                   AND (project_id, id) < (:project, :before) {f"AND {IN_ERROR}" if only_failing else ""}
                 ORDER BY project_id DESC, id DESC LIMIT :limit) AS line ({columns}, project_id)
          JOIN (SELECT id, handle, name FROM projects WHERE organisation_id = :organisation)
            AS projects (of_id, project_handle, project_name) ON of_id = project_id
         ORDER BY project_id DESC, id DESC
    """)


def _columns(kind: type[Resource]) -> str:
    observed = "status, revision, deployed_revision" if kind.runs else "NULL, NULL, NULL"
    return f"id, handle, {kind.called_by}, {kind.DETAIL}, state, {observed}"


def _newest(kind: type[Resource]) -> str:
    return f"""
        SELECT {_columns(kind)} FROM {kind.plural}
         WHERE organisation_id = :organisation AND {IN_PROJECT} AND id < :before
         ORDER BY id DESC LIMIT :limit"""


def _listed(kind: type[Resource]) -> str:
    columns = ", ".join(Line._fields)
    return f"""
        SELECT jsonb_agg(jsonb_build_array({columns}) ORDER BY id DESC) FROM ({_newest(kind)}) AS line ({columns})"""


def _count(table: str, condition: str) -> str:
    return f"(SELECT count(*) FROM {table} WHERE organisation_id = :organisation AND {condition})"


COUNTS = {
    "projects": _count("projects", "state = 'active'"),
    **{kind.noun: _count(kind.plural, "ended_at IS NULL") for kind in KINDS},
    "members": _count("memberships", "TRUE"),
}
FAILING = {kind.noun: _count(kind.plural, f"ended_at IS NULL AND {IN_ERROR}") for kind in KINDS if kind.runs}
# Lists travel as JSON, so that one row holds everything.
OVERVIEW = text(f"""
    SELECT jsonb_build_object({", ".join(f"'{name}', {count}" for name, count in COUNTS.items())}),
           jsonb_build_object({", ".join(f"'{name}', {count}" for name, count in FAILING.items())}),
           (SELECT jsonb_agg(jsonb_build_array(handle, name, state) ORDER BY id DESC)
              FROM (SELECT * FROM projects WHERE organisation_id = :organisation AND state <> 'deleted'
                     ORDER BY id DESC LIMIT :limit) AS newest),
           (SELECT jsonb_agg(jsonb_build_array(stuck.id, work, projects.name, error) ORDER BY stuck.id)
              FROM jobs AS stuck
              LEFT JOIN projects ON projects.organisation_id = stuck.organisation_id AND projects.id = project_id
             WHERE stuck.organisation_id = :organisation AND stuck.state = 'stuck'),
           balance_cents, auto_top_up AND retry_at IS NULL, threshold_cents,
           job.work, job.done, job.total, job.state, job.error, job.cause_number, job.created_at,
           engine, engine_error, engine_seen_at,
           billing_accounts.cpu_millicores + changed.cpu, billing_accounts.memory_mib + changed.memory,
           billing_accounts.cache_mib + changed.cache,
           EXISTS (SELECT FROM payment_methods
                    WHERE payment_methods.organisation_id = :organisation AND removed_at IS NULL)
      FROM billing_accounts
     CROSS JOIN LATERAL (
            SELECT COALESCE(CAST(sum(cpu_millicores) AS bigint), 0) AS cpu,
                   COALESCE(CAST(sum(memory_mib) AS bigint), 0) AS memory,
                   COALESCE(CAST(sum(cache_mib) AS bigint), 0) AS cache
              FROM usage_changes WHERE organisation_id = :organisation AND taken_at IS NULL) AS changed
      LEFT JOIN LATERAL (
            SELECT * FROM jobs WHERE jobs.organisation_id = :organisation AND project_id IS NULL
             ORDER BY id DESC LIMIT 1) AS job ON true
      LEFT JOIN platform ON true
     WHERE billing_accounts.organisation_id = :organisation
""")
CONTENTS = text(f"""
    SELECT {", ".join(f"({_listed(kind)}), {_count(kind.plural, IN_PROJECT)}" for kind in KINDS)},
           engine, engine_error, engine_seen_at
      FROM (SELECT) AS one LEFT JOIN platform ON true
""")
