"""What changed before something that runs failed: the entries since its last deployment that came up."""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from sqlalchemy import TextClause, text

from models.database import read
from models.jobs import deployment_history
from models.jobs.deployment import DeploymentKey, Status
from models.jobs.deployment_history import Deployment
from models.kinds.references import handles_of
from models.kinds.running import Running
from models.log import history
from models.log.feed import OrganisationName, Row
from models.log.history import Rebuilt, state_after

# Of what may be a long list, as many as one reads.
LISTED_MOST = 20


class BeforeFailure(NamedTuple):
    """What changed between the last deployment that came up and the entry that tells of the failure."""

    failed: Deployment
    good: Deployment | None
    """None where nothing had come up before."""
    told_by: int
    """The number of the entry that tells of the failure, or asked for what failed."""
    was: Rebuilt | None
    """What it was when the deployment that came up was asked for."""
    became: Rebuilt | None
    """What it was when it failed."""
    entries: Sequence[Row]
    """About itself and about what it refers to, newest first."""
    has_more: bool


def failed_deployment(thing: Running, newest: Deployment | None) -> Deployment | None:
    """Returns the newest deployment of something, given here, if that has failed; None if all is well."""
    return newest if newest and thing.ended_at is None and has_failed(thing, newest) else None


def has_failed(thing: Running, deployment: Deployment) -> bool:
    """Whether a deployment did not come up, or fails now."""
    fails_now = thing.status == Status.ERROR and thing.deployed_revision == deployment.revision
    return deployment.status == Status.ERROR or fails_now


def before_failure(organisation: OrganisationName, thing: Running, failed: Deployment, money: bool) -> BeforeFailure:
    """Finds what changed before a deployment failed."""
    good = deployment_history.last_good(DeploymentKey(*thing.key, failed.revision))
    told_by = history.latest_caused(*thing.key, failed.cause_number) or failed.cause_number
    after = good.cause_number if good else 0
    was = state_after(type(thing), thing.organisation_id, thing.id, after) if good else None
    became = state_after(type(thing), thing.organisation_id, thing.id, told_by)
    things = [(thing.noun, thing.id), *_referred_to(thing, [each for each in (was, became) if each])]
    found = history.among(organisation, things, after, told_by, LISTED_MOST + 1, money)
    return BeforeFailure(failed, good, told_by, was, became, found[:LISTED_MOST], has_more=len(found) > LISTED_MOST)


def _referred_to(thing: Running, states: Sequence[Rebuilt]) -> list[tuple[str, int]]:
    """Everything that bore one of the handles it referred to, whether it has ended since or not."""
    from models.kinds.catalogue import BY_PLURAL  # not above: the catalogue imports the kinds

    found = []
    for name, declared in thing.fields().items():
        if handles := {each for state in states for each in handles_of(declared, state.values.get(name))}:
            values = {"organisation": thing.organisation_id, "project": thing.project_id, "handles": sorted(handles)}
            noun = BY_PLURAL[declared.refers_to].noun
            found += [(noun, int(id)) for (id,) in read(_bearing(declared.refers_to), values)]
    return found


@cache
def _bearing(table: str) -> TextClause:
    return text(f"""
        SELECT id FROM {table}
         WHERE organisation_id = :organisation AND project_id = :project AND handle = ANY(CAST(:handles AS text[]))
         ORDER BY id DESC LIMIT 100
    """)
