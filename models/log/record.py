"""The door in: the only place where an entry of the activity log is written.

Verbs call `record`; the entries are numbered and inserted by `write`, which `transaction()` calls right before its
COMMIT, because the lock that hands out the numbers must be the last one taken (docs/architecture.md says why).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import text

from models.database import db
from models.errors import NoHead
from models.log.actor import Actor

PENDING = "activity.pending"


class Action(StrEnum):
    """What happened to the resource."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    TERMINATE = "terminate"


PAST = {
    Action.CREATE: "created",
    Action.UPDATE: "updated",
    Action.DELETE: "deleted",
    Action.TERMINATE: "terminated",
}

Changes = dict[str, list[Any]]


class ProjectName(NamedTuple):
    """The project an entry speaks of, by the name it had then."""

    id: int
    name: str


@dataclass(frozen=True)
class Subject:
    """What an entry is about, in the words of that moment."""

    organisation_id: int
    type: str
    id: int
    name: str
    project: ProjectName | None = None


class Sentence(NamedTuple):
    """The summary around the resource's name: "User " + name + " removed"."""

    before: str
    after: str


@dataclass
class Record:
    """Entries that differ only in which resource they are about; usually one. Complete but for its number."""

    actor: Actor
    action: Action
    organisation_id: int
    type: str
    project: ProjectName | None
    ids: list[int]
    names: list[str]
    sentence: Sentence
    changes: Changes | None
    cause: "Record | int | None"
    first_number: int | None = None

    @property
    def number(self) -> int:
        """The number of its (first) entry, known once the transaction has ended."""
        if self.first_number is None:
            raise NoHead("an entry has no number before it is written")
        return self.first_number


def record(
    actor: Actor,
    action: Action,
    subject: Subject,
    changes: Changes | None = None,
    cause: Record | int | None = None,
    sentence: Sentence | None = None,
) -> Record:
    """Promise one entry; it is written when the transaction ends, or the change does not happen."""
    one = Record(
        actor,
        action,
        subject.organisation_id,
        subject.type,
        subject.project,
        [subject.id],
        [subject.name],
        sentence or usual(subject.type, action),
        changes,
        cause,
    )
    _pending().append(one)
    return one


def record_each(
    actor: Actor,
    action: Action,
    scope: Subject,
    named: Sequence[tuple[int, str]],
    changes: Changes | None = None,
    cause: Record | int | None = None,
    sentence: Sentence | None = None,
) -> Record | None:
    """Promise an entry for each (id, name) of one type; `scope` says organisation, type and project of them all."""
    if not named:
        return None
    ids, names = map(list, zip(*named, strict=True))
    told = sentence or usual(scope.type, action)
    many = Record(actor, action, scope.organisation_id, scope.type, scope.project, ids, names, told, changes, cause)
    _pending().append(many)
    return many


def usual(type: str, action: Action) -> Sentence:
    """ "Container my-api created": type, name, what happened."""
    return Sentence(f"{type.capitalize()} ", f" {PAST[action]}")


def open_log(organisation_id: int) -> None:
    """Give a new organisation its head row, from which its entries are numbered."""
    db.session.execute(OPEN, {"organisation": organisation_id})


def write() -> list[Record]:
    """Number and insert what was recorded in this transaction. Raises NoHead: then nothing may be committed.

    Organisations in ascending order, so that two transactions never wait for each other's heads; within one, in the
    order of recording, so that a cause comes before its effects.
    """
    records = sorted(_pending(), key=lambda each: each.organisation_id)
    for each in records:
        each.first_number = _insert(each)
    _pending().clear()
    return records


def pending() -> bool:
    """Whether this session holds entries that nobody has written yet."""
    return bool(_pending())


def forget() -> None:
    """Drop what was recorded: its transaction failed, and it must not ride on the next one of this thread."""
    db.session.info.pop(PENDING, None)


def _pending() -> list[Record]:
    waiting: list[Record] = db.session.info.setdefault(PENDING, [])
    return waiting


def _insert(each: Record) -> int:
    count = len(each.ids)
    cause = each.cause.number if isinstance(each.cause, Record) else each.cause
    values = {
        "organisation": each.organisation_id,
        "count": count,
        "actor_id": each.actor.id,
        "actor_name": each.actor.name,
        "actor_role": each.actor.role,
        "door": each.actor.door,
        "action": each.action,
        "type": each.type,
        "project_id": each.project.id if each.project else None,
        "project_name": each.project.name if each.project else None,
        "before": each.sentence.before,
        "after": each.sentence.after,
        "changes": json.dumps(each.changes) if each.changes else None,
        "cause": cause,
        "ids": each.ids,
        "names": each.names,
    }
    first, written = db.session.execute(INSERT, values).one()
    if written != count:
        raise NoHead(f"organisation {each.organisation_id} has no head row: {written} of {count} entries written")
    if cause is not None:
        _extend_run(each, int(first), cause)
    return int(first)


def _extend_run(each: Record, first: int, cause: int) -> None:
    """Entries that follow each other and have the same cause are one run: what a feed folds and passes in one step."""
    values = {
        "organisation": each.organisation_id,
        "cause": cause,
        "first": first,
        "count": len(each.ids),
        "project": each.project.id if each.project else None,
        "what": f"{each.sentence.after.strip()} {each.type}"
        if len(each.sentence.after.split()) == 1
        else f"{PAST[each.action]} {each.type}",
    }
    db.session.execute(RUN, values)


OPEN = text("INSERT INTO activity_heads (organisation_id) VALUES (:organisation)")

# One statement: bumping the head locks it until COMMIT, and numbers follow without gaps because a rollback takes the
# bump back too. What differs travels as two arrays and the rest once: half the time of a JSON row an entry. The time
# is the column's default, clock_timestamp(), evaluated under the lock; our role may not write it.
INSERT = text("""
    WITH head AS (
        UPDATE activity_heads SET last_number = last_number + :count
         WHERE organisation_id = :organisation
     RETURNING last_number - :count AS last_before
    ), written AS (
        INSERT INTO activity_entries (
            organisation_id, number, actor_id, actor_name, actor_role, door, action, resource_type, resource_id,
            resource_name, project_id, project_name, summary, changes, cause_number)
        SELECT :organisation, head.last_before + each.place, CAST(:actor_id AS integer), CAST(:actor_name AS text),
               CAST(:actor_role AS text), CAST(:door AS activity_door), CAST(:action AS activity_action),
               CAST(:type AS activity_resource), each.id, each.name, CAST(:project_id AS integer),
               CAST(:project_name AS text), CAST(:before AS text) || each.name || CAST(:after AS text),
               CAST(:changes AS jsonb), CAST(:cause AS bigint)
          FROM head, unnest(CAST(:ids AS bigint[]), CAST(:names AS text[])) WITH ORDINALITY AS each (id, name, place)
     RETURNING number
    )
    SELECT min(number), count(*) FROM written
""")
# Two small parameters added are a smallint to PostgreSQL, hence the cast.
# Under the head's lock: whoever wrote the number before ours has committed, and nobody else adds to the run.
RUN = text("""
    WITH grown AS (
        UPDATE activity_runs
           SET last_number = last_number + :count,
               project_id = CASE WHEN project_id = CAST(:project AS integer) THEN project_id END,
               tally = tally || jsonb_build_object(
                   CAST(:what AS text), COALESCE(CAST(tally ->> :what AS bigint), 0) + :count)
         WHERE organisation_id = :organisation AND cause_number = :cause AND last_number = :first - 1
     RETURNING first_number
    )
    INSERT INTO activity_runs (organisation_id, first_number, last_number, cause_number, project_id, tally)
    SELECT :organisation, :first, CAST(:first AS bigint) + :count - 1, :cause, CAST(:project AS integer),
           jsonb_build_object(CAST(:what AS text), CAST(:count AS bigint))
     WHERE NOT EXISTS (SELECT FROM grown)
""")
