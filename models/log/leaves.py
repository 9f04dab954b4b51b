"""The entries of an organisation as the leaves of its tree, read from first to last in steps."""

from collections.abc import Iterator

from sqlalchemy import text

from models.database import read
from models.log.proof.leaf import LeafEntry, leaf

STEP = 5_000


def leaves(organisation_id: int, first: int, last: int) -> Iterator[bytes]:
    """Yields the leaves of the entries from `first` to `last`, in the order of their numbers. Raises NoLeaf."""
    return map(leaf, leaf_entries(organisation_id, first, last))


def leaf_entries(organisation_id: int, first: int, last: int) -> Iterator[LeafEntry]:
    """Yields the entries from `first` to `last` that there are, in the order of their numbers."""
    for begin in range(first, last + 1, STEP):
        values = {"organisation": organisation_id, "first": begin, "last": min(begin + STEP - 1, last)}
        yield from map(LeafEntry._make, read(ENTRIES, values))


# Times are written by PostgreSQL, which takes less than to make objects of them here. A person who is not there leaves
# a NULL in the place of the commitment, so that the leaf is another one.
ENTRIES = text("""
    SELECT entry.organisation_id, number,
           COALESCE(to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'never'),
           CAST(door AS text), CAST(action AS text), encode(acting.commitment, 'hex'), actor_id, actor_role,
           CAST(resource_type AS text), resource_id, resource_name, project_id, project_name, summary, changes,
           cause_number,
           CASE WHEN people IS NULL THEN '{}' ELSE ARRAY(
               SELECT encode(person.commitment, 'hex') FROM unnest(people) WITH ORDINALITY AS spoken (id, place)
                 LEFT JOIN activity_people AS person
                   ON person.organisation_id = entry.organisation_id AND person.id = spoken.id
                ORDER BY place) END
      FROM activity_entries AS entry
      LEFT JOIN activity_people AS acting
        ON acting.organisation_id = entry.organisation_id AND acting.id = entry.actor_person
     WHERE entry.organisation_id = :organisation AND number BETWEEN :first AND :last ORDER BY number
""")
