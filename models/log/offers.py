"""What is in an organisation's log to ask for: who acted in it, and about what sorts of things."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import text

from models.database import read
from models.log.keys import BadQuery
from models.log.query import Query
from models.log.spoken import person

LATEST = 2**63 - 1
MOST = 300
"""How many people are offered; whoever is not among them is found by typing their name."""


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
TYPES = text("""
    SELECT CAST(type AS text) FROM unnest(enum_range(CAST(NULL AS activity_resource))) AS type
     WHERE EXISTS (SELECT FROM activity_entries WHERE organisation_id = :organisation AND resource_type = type)
       AND (CAST(:money AS boolean) OR type <> 'billing')
     ORDER BY 1
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
