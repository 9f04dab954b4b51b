"""The list of erasures: a file beside the database, from which they are done again once an older backup is back.

A line of JSON each, without a name: the organisation, the ids and commitments of what someone was called, as what they
are shown, whether their account was emptied too, and when.
"""

import json
import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from sqlalchemy import text

from models.database import read
from models.errors import DomainError
from models.log import people
from models.log.actor import Actor
from models.people.leaving import NOWHERE
from models.system.erasure import Erasure, Person, erase_known, person_of

REASON = "erased before the backup that was restored was brought back"


def append(file: Path, erasures: Iterable[Erasure]) -> None:
    """Adds erasures that are committed to the list, on the disk. Raises OSError."""
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "a", encoding="ascii") as opened:
        opened.writelines(f"{written(each)}\n" for each in erasures)
        opened.flush()
        os.fsync(opened.fileno())


def written(erasure: Erasure) -> str:
    """Returns the line of one erasure."""
    told = {
        "at": erasure.at.isoformat(),
        "organisation": erasure.organisation_id,
        "user": erasure.user_id,
        "people": [{"id": each, "commitment": commitment.hex()} for each, commitment in erasure.people],
        "erased_as": erasure.tag,
        "account": erasure.with_account,
    }
    return json.dumps(told)


def parse(line: str) -> Erasure:
    """Reads a line of the list. Raises ValueError."""
    try:
        told = json.loads(line)
        known = [(int(each["id"]), bytes.fromhex(each["commitment"])) for each in told["people"]]
        user = None if told["user"] is None else int(told["user"])
        at = datetime.fromisoformat(told["at"])
        return Erasure(int(told["organisation"]), user, known, str(told["erased_as"]), bool(told["account"]), at)
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a line of a list of erasures: {line[:80]!r}") from error


def in_database() -> Iterator[Erasure]:
    """Yields what the database holds of erasures: the list, made anew."""
    for organisation_id in people.organisations():
        for user_id, tag, ids, commitments, is_emptied in read(ERASED, {"organisation": organisation_id}):
            told = zip(ids, map(bytes, commitments), strict=True)
            yield Erasure(organisation_id, user_id or None, list(told), tag, is_emptied, datetime.now().astimezone())


def again(erasure: Erasure, actor: Actor) -> bool:
    """Erase once more what a list says was erased; whether there was anything. Raises DomainError.

    Of a backup from before people were kept apart, commitments are others: an account is then known by its id.
    """
    listed = dict(erasure.people)
    known = {each.id: each for each in people.of_ids(erasure.organisation_id, list(listed))}
    ids = [each for each, found in known.items() if found.commitment == listed[each]]
    person = Person(None, frozenset())
    if erasure.user_id is not None:
        try:
            person = person_of(erasure.user_id)
        except DomainError:
            return False
    return erase_known(erasure, person, ids, actor, REASON)


# An account that was emptied has no address that mail reaches.
ERASED = text(f"""
    SELECT erased.user_id, erased_as, ids, commitments, COALESCE(users.email = erased_as || '@{NOWHERE}', false)
      FROM (SELECT max(user_id) AS user_id, erased_as, array_agg(id ORDER BY id) AS ids,
                   array_agg(commitment ORDER BY id) AS commitments
              FROM activity_people
             WHERE organisation_id = :organisation AND erased_as IS NOT NULL
             GROUP BY erased_as) AS erased
      LEFT JOIN users ON users.id = erased.user_id
     ORDER BY ids
""")
