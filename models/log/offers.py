"""What is in an organisation's log to ask for: who acted in it, and about what sorts of things."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import text

from models.database import read
from models.log.conditions import HIGHEST
from models.log.keys import BadQuery
from models.log.query import Query
from models.log.spoken import person

LATEST = 2**63 - 1
MOST = 300
"""How many people are offered; whoever is not among them is found by typing their name."""


BEGINNINGS_MOST = 50
NAMES_MOST = 1000
"""How many names are looked at for beginnings, of which those that share one count as one."""
THINGS_MOST = 100
"""How many things with the same beginning are counted."""


class Beginning(NamedTuple):
    """What the names of several things begin with, up to a hyphen."""

    text: str
    things: int
    """How many bear such a name, up to THINGS_MOST."""


class Actor(NamedTuple):
    """Someone who did something, under the name they last had when they did."""

    id: int
    name: str
    is_member: bool
    """Whether they still belong to the organisation."""


def actors(organisation_id: int) -> list[Actor]:
    """Reads who ever acted in an organisation, by name."""
    found = [Actor(*row) for row in read(ACTORS, {"organisation": organisation_id, "most": MOST})]
    return sorted(found, key=lambda each: (each.name.casefold(), each.id))


def types_in(organisation_id: int, money: bool) -> list[str]:
    """Reads of which types there are entries."""
    return [row[0] for row in read(TYPES, {"organisation": organisation_id, "money": money})]


def beginnings(organisation_id: int, money: bool) -> list[Beginning]:
    """Reads with what the names of at least two things begin, such as "db-", in alphabetical order."""
    values = {"organisation": organisation_id, "money": money, "names": NAMES_MOST, "things": THINGS_MOST}
    return [Beginning(*row) for row in read(BEGINNINGS, {**values, "most": BEGINNINGS_MOST})]


def project_of(organisation_id: int, number: int) -> str | None:
    """Finds the handle of the project that an entry is about."""
    found = read(PROJECT_OF, {"organisation": organisation_id, "number": number})
    return found[0][0] if found else None


def require_projects(organisation_ids: Sequence[int], query: Query) -> None:
    """Raises BadQuery for a project that none of the organisations has or had."""
    asked = {value for term in query.of("project") for value in term.values}
    if not asked:
        return
    known = {row[0] for row in read(KNOWN, {"organisations": list(organisation_ids), "handles": list(asked)})}
    for unknown in sorted(asked - known):
        raise BadQuery(f"project:{unknown}", "There is and was no project with this handle.")


# From one id to the next along their index, as often as there are ids: of millions of entries a few hundred are read.
ACTORS = text(f"""
    WITH RECURSIVE acting (id) AS (
        (SELECT actor_id FROM activity_entries
          WHERE organisation_id = :organisation AND actor_id IS NOT NULL
          ORDER BY actor_id LIMIT 1)
        UNION ALL
        SELECT (SELECT actor_id FROM activity_entries
                 WHERE organisation_id = :organisation AND actor_id > acting.id
                 ORDER BY actor_id LIMIT 1)
          FROM acting WHERE acting.id IS NOT NULL)
    SELECT acting.id,
           (SELECT {person("entry", "entry.actor_person")} FROM activity_entries AS entry
             WHERE organisation_id = :organisation AND actor_id = acting.id ORDER BY occurred_at DESC LIMIT 1),
           EXISTS (SELECT FROM memberships WHERE organisation_id = :organisation AND user_id = acting.id)
      FROM acting WHERE acting.id IS NOT NULL LIMIT :most
""")
# A name as far as its first hyphen, and the last text that begins so; the whole name where it has none.
_BEGUN = f"""
    COALESCE(substring(lower(name) FROM '^[^-]+-'), lower(name)),
    COALESCE(substring(lower(name) FROM '^[^-]+-') || '{HIGHEST}', lower(name))"""
TYPES = text("""
    SELECT CAST(type AS text) FROM unnest(enum_range(CAST(NULL AS activity_resource))) AS type
     WHERE EXISTS (SELECT FROM activity_entries WHERE organisation_id = :organisation AND resource_type = type)
       AND (CAST(:money AS boolean) OR type <> 'billing')
     ORDER BY 1
""")
# From one beginning to the next along the index of names, as often as there are beginnings. What has no hyphen is left
# behind alone: "db-main" comes after "db".
BEGINNINGS = text(f"""
    WITH RECURSIVE begun (name, beyond) AS (
        (SELECT {_BEGUN} FROM activity_names
          WHERE organisation_id = :organisation
          ORDER BY lower(name) COLLATE "C" LIMIT 1)
        UNION ALL
        SELECT next.* FROM begun, LATERAL (
            SELECT {_BEGUN} FROM activity_names
             WHERE organisation_id = :organisation AND lower(name) COLLATE "C" > begun.beyond
             ORDER BY lower(name) COLLATE "C" LIMIT 1) AS next)
    SELECT begun.name, count FROM (SELECT * FROM begun LIMIT :names) AS begun, LATERAL (
        SELECT count(*) FROM (
            SELECT DISTINCT resource_type, resource_id FROM activity_names
             WHERE organisation_id = :organisation AND lower(name) COLLATE "C" >= begun.name
               AND lower(name) COLLATE "C" <= begun.beyond
               AND (CAST(:money AS boolean) OR resource_type <> 'billing') LIMIT :things) AS things) AS counted
     WHERE begun.name LIKE '_%-' AND count > 1
     LIMIT :most
""")
KNOWN = text("""
    SELECT handle FROM projects
     WHERE organisation_id = ANY(CAST(:organisations AS integer[])) AND handle = ANY(CAST(:handles AS text[]))
""")
PROJECT_OF = text("""
    SELECT projects.handle FROM activity_entries AS entry
      JOIN projects ON projects.organisation_id = :organisation AND projects.id = entry.project_id
     WHERE entry.organisation_id = :organisation AND entry.number = :number
""")
