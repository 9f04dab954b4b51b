"""The people of the log: what they were called, apart from the entries, and how that is erased."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import text

from models.database import db, read

FORMER_MOST = 300
"""How many former members are listed; whoever is not among them is erased by the platform's operator."""


class Known(NamedTuple):
    """What someone was called in an organisation: a name or an address."""

    organisation_id: int
    id: int
    user_id: int | None
    name: str
    """What they are shown as, where it is erased."""
    commitment: bytes


class Former(NamedTuple):
    """Someone of whom the log knows and who is no member, by the name that they last had in it."""

    user_id: int
    name: str


def organisations() -> list[int]:
    """Returns all organisations that have a log, also those that are deleted."""
    return [row[0] for row in read(ORGANISATIONS, {})]


def shown_as(tag: str) -> str:
    """Returns what pages call someone who was erased."""
    return f"erased person {tag}"


def of_user(user_id: int, organisations: Sequence[int]) -> list[Known]:
    """Returns what someone was called in some organisations, as far as it is not erased."""
    return [Known(*row) for row in read(OF_USER, {"organisations": list(organisations), "user": user_id})]


def of_ids(organisation_id: int, ids: Sequence[int]) -> list[Known]:
    """Returns what these are called, as far as it is not erased."""
    return [Known(*row) for row in read(OF_IDS, {"organisation": organisation_id, "people": list(ids)})]


def called(shown: str, organisations: Sequence[int]) -> list[Known]:
    """Returns who was or is shown as this, whatever its case."""
    return [Known(*row) for row in read(CALLED, {"organisations": list(organisations), "shown": shown})]


def tag_of(user_id: int | None, organisations: Sequence[int]) -> str | None:
    """Returns the tag with which someone was erased in another organisation, and is from then on in all."""
    if user_id is None:
        return None
    found = read(TAG, {"organisations": list(organisations), "user": user_id})
    return str(found[0][0]) if found else None


def erase(organisation_id: int, ids: Sequence[int], tag: str) -> int:
    """Empties names and salts; returns how many there were."""
    values = {"organisation": organisation_id, "people": list(ids), "tag": tag}
    return int(db.session.execute(ERASE, values).scalar_one())


def latest_about(organisation_id: int, ids: Sequence[int]) -> int | None:
    """Finds the id of the newest thing of which an entry calls it like this: of an address, an invitation."""
    found = read(ABOUT, {"organisation": organisation_id, "people": list(ids)})
    return int(found[0][0]) if found else None


def former_members(organisation_id: int) -> list[Former]:
    """Returns who is no member and not erased, by name."""
    found = [Former(*row) for row in read(FORMER, {"organisation": organisation_id, "most": FORMER_MOST})]
    return sorted(found, key=lambda each: (each.name.casefold(), each.user_id))


ORGANISATIONS = text("SELECT organisation_id FROM activity_heads ORDER BY organisation_id")
OF_USER = text("""
    SELECT organisation_id, id, user_id, shown, commitment FROM activity_people
     WHERE organisation_id = ANY(CAST(:organisations AS integer[])) AND COALESCE(user_id, 0) = :user
       AND name IS NOT NULL
     ORDER BY organisation_id, id
""")
OF_IDS = text("""
    SELECT organisation_id, id, user_id, shown, commitment FROM activity_people
     WHERE organisation_id = :organisation AND id = ANY(CAST(:people AS integer[])) AND name IS NOT NULL
     ORDER BY id
""")
CALLED = text("""
    SELECT organisation_id, id, user_id, shown, commitment FROM activity_people
     WHERE organisation_id = ANY(CAST(:organisations AS integer[])) AND lower(shown) COLLATE "C" = lower(:shown)
     ORDER BY organisation_id, id
""")
TAG = text("""
    SELECT erased_as FROM activity_people
     WHERE organisation_id = ANY(CAST(:organisations AS integer[])) AND COALESCE(user_id, 0) = :user
       AND erased_as IS NOT NULL
     ORDER BY organisation_id, id LIMIT 1
""")
ERASE = text("SELECT erase_people(:organisation, CAST(:people AS integer[]), :tag)")
ABOUT = text("""
    SELECT resource_id FROM activity_entries
     WHERE organisation_id = :organisation AND people[1] = ANY(CAST(:people AS integer[])) AND people IS NOT NULL
     ORDER BY number DESC LIMIT 1
""")
# Their newest name, and an address only of whom no name is known.
FORMER = text("""
    SELECT DISTINCT ON (user_id) user_id, shown FROM activity_people AS person
     WHERE organisation_id = :organisation AND user_id IS NOT NULL AND name IS NOT NULL
       AND NOT EXISTS (SELECT FROM memberships
                        WHERE organisation_id = :organisation AND memberships.user_id = person.user_id)
     ORDER BY user_id, strpos(name, '@') > 0, id DESC LIMIT :most
""")
