"""The door in: the only place where an entry of the activity log is written.

Verbs call `record`; the entries are numbered and inserted by `write`, which `transaction()` calls right before its
COMMIT, because the lock that hands out the numbers must be the last one taken (docs/why.md says why).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import TextClause, text
from sqlalchemy.exc import DatabaseError

from models import arrays
from models.database import db
from models.errors import NoHead
from models.log.actor import Actor
from models.log.proof.canonical import canonical

PENDING = "activity.pending"
NO_DATA_FOUND = "P0002"


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


# What stands in an entry for what a person is called: this character, which no name holds, and whose place it is.
SLOT = "\x1a"
SUBJECT, SECOND, THIRD = (f"{SLOT}{place}" for place in (1, 2, 3))
"""The slots of an entry about a person: their own, and those of the others in its sentence."""


class ProjectName(NamedTuple):
    """The project an entry speaks of, by the name it had then."""

    id: int
    name: str


@dataclass(frozen=True)
class Subject:
    """What an entry is about, in the words of that moment."""

    organisation_id: int
    noun: str
    id: int
    name: str
    project: ProjectName | None = None


class PersonName(NamedTuple):
    """A person whom an entry speaks of, as they were called then."""

    id: int | None
    """None of an address of which it is not known whose it is."""
    name: str


class Sentence(NamedTuple):
    """The summary around the resource's name: "User " + name + " removed"."""

    before: str
    after: str
    others: Sequence[PersonName] = ()
    """The people it speaks of beside its subject: in `after` and in the changes, a slot stands for each."""


@dataclass
class Record:
    """Entries that differ only in which resource they are about; usually one. Complete but for its number."""

    actor: Actor
    action: Action
    organisation_id: int
    noun: str
    project: ProjectName | None
    ids: list[int]
    names: list[str]
    sentence: Sentence
    changes: Changes | None
    cause: "Record | int | None"
    first_number: int | None = None
    named_in: list[tuple[TextClause, dict[str, Any]]] = field(default_factory=list)

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
    """Records one entry, to be written when the transaction ends; if it cannot be, the change does not happen."""
    one = Record(
        actor,
        action,
        subject.organisation_id,
        subject.noun,
        subject.project,
        [subject.id],
        [subject.name],
        sentence or usual(subject.noun, action),
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
    """Records an entry for each (id, name) of one noun; `scope` gives organisation, noun and project of them all."""
    if not named:
        return None
    ids, names = map(list, zip(*named, strict=True))
    told = sentence or usual(scope.noun, action)
    many = Record(actor, action, scope.organisation_id, scope.noun, scope.project, ids, names, told, changes, cause)
    _pending().append(many)
    return many


def name_in(one: Record, row: TextClause, **values: Any) -> None:
    """Has a row written that names the entry, as `:number`, right after the entry itself has got its number."""
    one.named_in.append((row, values))


def usual(noun: str, action: Action) -> Sentence:
    """ "Project Web created": the noun, the name, what happened."""
    return Sentence(f"{noun.capitalize()} ", f" {PAST[action]}")


def open_log(organisation_id: int) -> None:
    """Give a new organisation its head row, from which its entries are numbered."""
    db.session.execute(OPEN, {"organisation": organisation_id})


def write() -> list[Record]:
    """Number and insert what was recorded in this transaction.

    Raises NoHead, and NotCanonical where changes could not be sealed: then nothing may be committed.

    Organisations in ascending order, so that two transactions never wait for each other's heads; within one, in the
    order of recording, so that a cause comes before its effects.
    """
    records = sorted(_pending(), key=lambda each: each.organisation_id)
    for each in records:
        each.first_number = _insert(each)
    for each in records:
        for row, values in each.named_in:
            db.session.execute(row, {**values, "number": each.number})
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
    cause = each.cause.number if isinstance(each.cause, Record) else each.cause
    values = {
        "organisation": each.organisation_id,
        "actor_id": each.actor.id,
        "actor_name": each.actor.name,
        "actor_role": each.actor.role,
        "door": each.actor.door,
        "action": each.action,
        "type": each.noun,
        "project_id": each.project.id if each.project else None,
        "project_name": each.project.name if each.project else None,
        "before": each.sentence.before,
        "after": each.sentence.after,
        "changes": canonical(each.changes).decode() if each.changes else None,
        "cause": cause,
        "what": _in_a_run(each),
        "ids": arrays.numbers(each.ids),
        "names": arrays.texts(each.names),
        "spoken_ids": [other.id for other in each.sentence.others],
        "spoken_names": [other.name for other in each.sentence.others],
    }
    try:
        return int(db.session.execute(WRITE, values).scalar_one())
    except DatabaseError as error:
        if getattr(error.orig, "sqlstate", None) == NO_DATA_FOUND:
            raise NoHead(f"organisation {each.organisation_id} has no head row") from error
        raise


def _in_a_run(each: Record) -> str:
    """What a run counts it as, such as "deleted project"."""
    words = each.sentence.after.split()
    return f"{words[0] if len(words) == 1 else PAST[each.action]} {each.noun}"


OPEN = text("INSERT INTO activity_heads (organisation_id) VALUES (:organisation)")

# One call, one round trip: the function (migration 0027) bumps the head, which locks it until COMMIT, inserts the
# entries under the numbers handed out, writes down apart what people are called, and extends the run. Our role can
# write to the log in no other way. A rollback takes the bump back too, so numbers follow without gaps. What differs
# travels as two arrays and the rest once.
WRITE = text("""
    SELECT write_entries(
        :organisation, CAST(:ids AS bigint[]), CAST(:names AS text[]), CAST(:actor_id AS integer),
        CAST(:actor_name AS text), CAST(:actor_role AS text), CAST(:door AS activity_door),
        CAST(:action AS activity_action), CAST(:type AS activity_resource), CAST(:project_id AS integer),
        CAST(:project_name AS text), CAST(:before AS text), CAST(:after AS text), CAST(:changes AS jsonb),
        CAST(:cause AS bigint), CAST(:what AS text), CAST(:spoken_ids AS integer[]), CAST(:spoken_names AS text[]))
""")
