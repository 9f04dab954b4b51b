"""What should run: what the worker compares an engine with."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import select, text

from models.database import db, read
from models.jobs import deployment
from models.jobs.deployment import Mark, Status
from models.jobs.observation import ResourceKey
from models.jobs.watch import Watch
from models.kinds.catalogue import RUNNING
from models.kinds.running import Running
from models.kinds.specification import Specification

KNOWN_WIDTH = 6
"""How many columns tell of a deployment."""


class Known(NamedTuple):
    """A deployment that instances on the engine may be of."""

    mark: Mark
    """What instances of it bear; all but the stamp is empty as long as it never served."""
    nodes: int
    is_kept: bool
    """Whether it can be brought up again just as it served: not one that the version before has made."""
    due: bool
    """Whether it can be worked on now."""
    leased: bool
    """Whether someone works on it."""


class Wanted(NamedTuple):
    """What was decided about one thing, and how far its newest deployment is."""

    key: ResourceKey
    project_id: int
    handle: str
    state: str
    ended: bool
    in_place: bool
    """Whether its project and its organisation are active: neither suspended nor about to go."""
    nodes: int
    revision: int
    deployed_revision: int | None
    status: str | None
    status_reason: str
    deployment: str | None
    """How far the deployment of `revision` is; None when nobody asked for one."""
    newest: Known | None
    """That deployment."""
    deployed: Known | None
    """The one that is to serve meanwhile: the last that came up."""
    watch: Watch | None
    """What is remembered of how it fares."""

    @property
    def network(self) -> tuple[int, int] | None:
        """The project in whose network it runs or is about to; None for what is in no network."""
        is_there = self.deployed_revision is not None or self.deployment == Status.PROVISIONING
        return (self.key.organisation_id, self.project_id) if is_there and not self.ended else None


class LeftOver(NamedTuple):
    """What there is to tidy up in the database, which is seldom anything."""

    of_ended: bool
    """Whether deployments of what has ended are still waiting."""
    strays: bool
    """Whether strays are written down as being on the engine."""


def one(key: ResourceKey) -> Wanted | None:
    """What is wanted of one thing; None when we know nothing of it."""
    found = read(ONE[key.noun], {"organisation": key.organisation_id, "id": key.id})
    return _wanted(found[0]) if found else None


def everything(seen: Collection[ResourceKey], organisation_id: int | None = None) -> list[Wanted]:
    """What is wanted of all that was seen on an engine, should be there, or waits for its deployment."""
    values: dict[str, Any] = {"organisation": organisation_id}
    for kind in RUNNING:
        mine = [key for key in seen if key.noun == kind.noun]
        values[f"{kind.noun}_organisations"] = [key.organisation_id for key in mine]
        values[f"{kind.noun}_ids"] = [key.id for key in mine]
    return [_wanted(row) for row in read(ALL, values)]


def left_over(organisation_id: int | None = None) -> LeftOver:
    """What there is to tidy up, in an organisation or in all."""
    return LeftOver(*read(LEFT_OVER, {"organisation": organisation_id})[0])


def specification(key: ResourceKey, revision: int) -> Specification | None:
    """What an engine is told to run, opened; None when another revision is wanted by now.

    The session is given back at once: what follows takes minutes, and holds no transaction open.
    """
    kind = next(each for each in RUNNING if each.noun == key.noun)
    try:
        mine = select(kind).where(
            kind.organisation_id == key.organisation_id, kind.id == key.id, kind.revision == revision
        )
        thing = db.session.scalar(mine.where(kind.ended_at.is_(None)))
        return None if thing is None else thing.specification()
    finally:
        db.session.remove()


def used_networks(organisation_id: int | None = None) -> set[tuple[int, int]]:
    """The projects in which something runs or should: their networks stay."""
    found = read(USED_NETWORKS, {"organisation": organisation_id})
    return {(row[0], row[1]) for row in found}


def _wanted(row: Sequence[Any]) -> Wanted:
    row, watch = row[: -len(Watch._fields)], row[-len(Watch._fields) :]
    newest, deployed = row[-KNOWN_WIDTH * 2 : -KNOWN_WIDTH], row[-KNOWN_WIDTH:]
    found = Wanted._make([ResourceKey(*row[:3]), *row[3 : -KNOWN_WIDTH * 2], None, None, None])
    known = found._replace(newest=_known(found.nodes, *newest), deployed=_known(found.nodes, *deployed))
    return known if watch[0] is None else known._replace(watch=Watch(*watch))


def _known(
    wanted_nodes: int,
    stamp: str | None,
    specification: str | None,
    image_id: str | None,
    nodes: int | None,
    due: bool,
    leased: bool,
) -> Known | None:
    if stamp is None:
        return None
    mark = Mark(stamp, specification or "", image_id or "")
    return Known(mark, nodes or wanted_nodes, specification is not None, due, leased)


def _columns(of: str) -> str:
    return f"""{of}.stamp::text, {of}.specification_digest, {of}.image_id, {of}.node_count,
               COALESCE({of}.due_at <= clock_timestamp()
                        AND COALESCE({of}.lease_until < clock_timestamp(), true), false),
               COALESCE({of}.lease_until >= clock_timestamp(), false)"""


def _statement(kind: type[Running], start: str) -> str:
    return f"""
        {start}
        SELECT thing.organisation_id, '{kind.noun}', thing.id, project_id, thing.handle, thing.state,
               thing.ended_at IS NOT NULL, projects.state = 'active' AND organisations.state = 'active',
               {kind.NODES}, thing.revision, deployed_revision, thing.status, status_reason, newest.status,
               {_columns("newest")},
               {_columns("deployed")},
               {", ".join(f"watches.{name}" for name in Watch._fields)}
          FROM candidate
          JOIN {kind.plural} AS thing USING (organisation_id, id)
          JOIN projects ON projects.organisation_id = thing.organisation_id AND projects.id = project_id
          JOIN organisations ON organisations.id = thing.organisation_id
          LEFT JOIN deployments AS newest
            ON newest.organisation_id = thing.organisation_id AND newest.noun = '{kind.noun}'
           AND newest.resource_id = thing.id AND newest.revision = thing.revision
          LEFT JOIN deployments AS deployed
            ON deployed.organisation_id = thing.organisation_id AND deployed.noun = '{kind.noun}'
           AND deployed.resource_id = thing.id AND deployed.revision = deployed_revision
          LEFT JOIN watches
            ON watches.organisation_id = thing.organisation_id AND watches.noun = '{kind.noun}'
           AND watches.resource_id = thing.id
         ORDER BY thing.organisation_id, thing.id
    """


def _all(kind: type[Running]) -> str:
    return _statement(
        kind,
        f"""
        WITH candidate AS (
            SELECT organisation_id, id
              FROM unnest(CAST(:{kind.noun}_organisations AS integer[]), CAST(:{kind.noun}_ids AS bigint[]))
                AS seen (organisation_id, id)
            UNION SELECT organisation_id, id FROM {kind.plural}
                   WHERE deployed_revision IS NOT NULL
                     AND (CAST(:organisation AS integer) IS NULL OR organisation_id = :organisation)
            UNION SELECT organisation_id, resource_id FROM deployments
                   WHERE status = 'provisioning' AND noun = '{kind.noun}' AND due_at <= clock_timestamp()
                     AND (CAST(:organisation AS integer) IS NULL OR organisation_id = :organisation))
        """,
    )


ONE = {
    kind.noun: text(
        _statement(
            kind,
            "WITH candidate AS (SELECT CAST(:organisation AS integer) AS organisation_id, CAST(:id AS bigint) AS id)",
        )
    )
    for kind in RUNNING
}
# One statement: an engine is looked at twice a minute, also while nobody does anything.
ALL = text(" UNION ALL ".join(f"({_all(kind)})" for kind in RUNNING))
LEFT_OVER = text(
    f"SELECT {deployment.any_of_ended()}, EXISTS (SELECT FROM strays WHERE removed_at IS NULL"
    " AND (CAST(:organisation AS integer) IS NULL OR organisation_id = :organisation))"
)
USED_NETWORKS = text(
    " UNION ".join(
        f"""
        SELECT organisation_id, project_id FROM {kind.plural}
         WHERE ended_at IS NULL AND deployed_revision IS NOT NULL
           AND (CAST(:organisation AS integer) IS NULL OR organisation_id = :organisation)
         UNION
        SELECT thing.organisation_id, project_id FROM {kind.plural} AS thing
          JOIN deployments ON deployments.organisation_id = thing.organisation_id AND noun = '{kind.noun}'
           AND resource_id = thing.id AND deployments.status = 'provisioning'
         WHERE thing.ended_at IS NULL
           AND (CAST(:organisation AS integer) IS NULL OR thing.organisation_id = :organisation)
        """
        for kind in RUNNING
    )
)
