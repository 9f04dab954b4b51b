"""Quotas: how much there may be of what people add, and how fast they may add it.

They keep a script gone wild, or a stranger, from filling the platform. A verb that adds something asks `require_room`,
which counts rows, never entries of the log, and takes no lock: those who add at the same moment do not see each other,
so a quota may be passed by as many as there are request threads. No one is made to wait for that.

They hold in processes that serve the pages; the demo and the operator's commands add what they like.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from flask import Flask
from sqlalchemy import TextClause, text

from models.database import db
from models.errors import QuotaReached
from models.settings import Settings

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Quota:
    """How many of something there may be."""

    plural: str
    setting: str
    """The field of the settings that says how many."""
    remedy: str
    counting: TextClause
    """Counts the living up to `:most`, and up to `:fast` those added since a moment."""
    has: str = "This organisation has"


class InForce:
    """The quotas that hold in this process; none before they are attached."""

    settings: Settings | None = None


IN_FORCE = InForce()


def attach(_: Flask, settings: Settings) -> None:
    """Have the quotas of the settings hold in this process, whatever its app."""
    IN_FORCE.settings = settings


def require_room(quota: Quota, whose: int, now: datetime) -> None:
    """Raises QuotaReached when there are as many as there may be, or as many were added within a minute.

    `whose` is the id of the organisation; of the person, for the organisations that they own.
    """
    settings = IN_FORCE.settings
    if settings is None:
        return
    most, fast = getattr(settings, quota.setting), settings.creations_a_minute
    values = {"whose": whose, "now": now, "since": now - MINUTE, "most": most, "fast": fast}
    living, added = db.session.execute(quota.counting, values).one()
    if living >= most:
        raise QuotaReached(
            f"{quota.has} {most:,} {quota.plural}, the most there may be. {quota.remedy}, or ask the platform's "
            f"operator for more ({quota.setting.upper()})."
        )
    if added >= fast:
        raise QuotaReached(
            f"{fast:,} {quota.plural} were added within a minute, the most that can be. Wait a minute, then try again."
        )


COUNTED = """
    SELECT (SELECT count(*) FROM ({living} LIMIT :most) AS living),
           (SELECT count(*) FROM ({added} LIMIT :fast) AS added)
"""
# The rows of a minute, newest first, until one is older: the primary key leads to each, and nothing is read of what was
# added before. Ids are handed out in order of time, but for those of the same moment.
ADDED = """
    SELECT 1 FROM (WITH RECURSIVE newest AS (
        (SELECT id, created_at FROM {table} WHERE organisation_id = :whose ORDER BY id DESC LIMIT 1)
        UNION ALL
        SELECT before.id, before.created_at FROM newest, LATERAL (
            SELECT id, created_at FROM {table} WHERE organisation_id = :whose AND id < newest.id
             ORDER BY id DESC LIMIT 1) AS before
         WHERE newest.created_at > :since)
     SELECT 1 FROM newest WHERE created_at > :since LIMIT :fast) AS of_{table}
"""


def _counting(tables: tuple[str, ...], alive: str, also: str = "") -> TextClause:
    """Counts rows of an organisation's tables: of the living those that `alive` holds for, and what `also` finds."""
    living = " UNION ALL ".join(f"SELECT 1 FROM {each} WHERE organisation_id = :whose AND {alive}" for each in tables)
    added = " UNION ALL ".join(ADDED.format(table=each) for each in tables)
    return text(COUNTED.format(living=living + also, added=added))


PROJECTS = Quota(
    "projects",
    "projects_most",
    "Delete one that is no longer needed",
    _counting(("projects",), "state <> 'deleted'"),
)
# An invitation has the place that its person is going to take.
MEMBERS = Quota(
    "members and open invitations",
    "members_most",
    "Remove a member or revoke an invitation",
    _counting(
        ("invitations",),
        "used_at IS NULL AND expires_at > :now",
        " UNION ALL SELECT 1 FROM memberships WHERE organisation_id = :whose",
    ),
)
CARDS = Quota(
    "payment methods",
    "payment_methods_most",
    "Remove one that is no longer used",
    _counting(("payment_methods",), "removed_at IS NULL"),
)
# Whoever founds an organisation is its owner. An index leads to the few memberships of a person.
MINE = "SELECT 1 FROM memberships"
ORGANISATIONS = Quota(
    "organisations",
    "organisations_most",
    "Delete one that is no longer needed",
    text(
        COUNTED.format(
            living=f"""{MINE} JOIN organisations ON organisations.id = memberships.organisation_id
                        WHERE memberships.user_id = :whose AND role = 'owner' AND organisations.state <> 'deleted'""",
            added=f"{MINE} WHERE user_id = :whose AND role = 'owner' AND created_at > :since",
        )
    ),
    has="You own",
)


@cache
def resources(tables: tuple[str, ...]) -> Quota:
    """Returns the quota of all that lives in an organisation's projects, of which each kind has a table."""
    counting = _counting(tables, "ended_at IS NULL")
    return Quota("resources", "resources_most", "End one that is no longer needed", counting)
