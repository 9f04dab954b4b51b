"""A resource as it was after entries, as pages show it: a line for each field, a cell for each state."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from models.field import Shape
from models.jobs.deployment_history import Deployment
from models.kinds import failing
from models.kinds.catalogue import BY_NOUN, KINDS
from models.kinds.failing import BeforeFailure
from models.kinds.restoring import Lost, Why
from models.kinds.running import Running
from models.log.entry import Detail
from models.log.feed import Row
from models.log.history import LOOKED_MOST, Kept, Rebuilt, Told, state_after
from models.log.tracked import Tracked
from models.organisation import Organisation
from models.people.access import Permission
from models.people.standing import Here
from models.project import Project
from models.whereabouts import Whereabouts
from web.access import may
from web.addresses import address
from web.changes import written

ALL: tuple[type[Tracked], ...] = (Organisation, Project, *KINDS)
REBUILT: dict[str, type[Tracked]] = {each.noun: each for each in ALL}
"""What can be rebuilt from the log, by noun; members, cards and invitations have no fields that it keeps."""
NEVER_KEPT = "never recorded"


class Cell(NamedTuple):
    """A field in one state."""

    value: str | None
    """None where there is none, or where `note` says why it is not known."""
    note: str = ""
    number: int | None = None
    """Of the entry that gave it this value."""


class Line(NamedTuple):
    """A field in each of the states that are shown."""

    label: str
    cells: Sequence[Cell]

    @property
    def differs(self) -> bool:
        """Whether it is not the same in all of them; of what is sealed, whether it changed in between."""
        first = self.cells[0]
        return any(
            each.number != first.number if each.note == first.note == NEVER_KEPT else each[:2] != first[:2]
            for each in self.cells[1:]
        )


class Suspects(NamedTuple):
    """What changed before something failed."""

    found: BeforeFailure
    lines: Sequence[Line]
    """The fields that differ from those of the last deployment that came up."""
    compare_url: str | None
    """Where all fields are; None where nothing had come up before."""


def after(here: Here, row: Row, detail: Detail, where: Whereabouts) -> dict[str, Any]:
    """Returns what the page of an entry shows of its resource as it was after it; nothing of what has no states."""
    tracked = REBUILT.get(row.resource_type)
    state = state_after(tracked, here.id, detail.resource_id, row.number) if tracked else None
    if tracked is None or state is None:
        return {"state": None}
    return {
        "state": state,
        "lines": lines(tracked, [state]),
        "looked_most": LOOKED_MOST,
        "restore_url": restore_address(here, row.resource_type, where, state),
        "is_ended": row.resource_type in BY_NOUN and (where.has_ended or where.project_state not in (None, "active")),
    }


def lines(tracked: type[Tracked], states: Sequence[Rebuilt | None]) -> list[Line]:
    """Returns the table of some states; None stands for before the creation."""
    ended = [Cell(state.state, "" if state.state else _beyond()) if state else _before() for state in states]
    fields = tracked.fields()
    order = sorted(fields, key=lambda name: ("name", "handle").index(name) if name in ("name", "handle") else 2)
    return [
        Line("State", ended),
        *(
            Line(fields[name].label, [_cell(name, state.fields[name]) if state else _before() for state in states])
            for name in order
        ),
    ]


def _cell(name: str, kept: Kept) -> Cell:
    match kept.told:
        case Told.VALUE | Told.EMPTY:
            return Cell(written(kept.value, name), number=kept.number)
        case Told.SEALED:
            return Cell(None, NEVER_KEPT, kept.number)
        case Told.BEYOND:
            return Cell(None, _beyond())
        case Told.UNRECORDED:
            return Cell(None, "not recorded")


def _beyond() -> str:
    return f"not among the {LOOKED_MOST:,} entries looked at"


def _before() -> Cell:
    return Cell(None, "not created yet")


def before_failure(organisation: Organisation, thing: Running, failed: Deployment | None) -> Suspects | None:
    """Returns what changed before a deployment failed; None where none did."""
    if failed is None:
        return None
    found = failing.before_failure(organisation.named, thing, failed, may(Permission.SEE_MONEY))
    if found.was is None or found.became is None:
        return Suspects(found, [], None)
    span = {"from": found.was.number, "to": found.became.number}
    compared = address("history.compare", org=organisation.handle, type=thing.noun, resource=thing.id, **span)
    return Suspects(found, [each for each in lines(type(thing), [found.was, found.became]) if each.differs], compared)


def restore_address(here: Here, noun: str, where: Whereabouts, state: Rebuilt | None) -> str | None:
    """Returns where a state can be restored; None where it cannot, or not by this person, or where it is the latest."""
    if noun not in BY_NOUN or state is None or state.is_latest or where.handle is None:
        return None
    is_open = not where.has_ended and where.project_state == "active" and here.state == "active"
    if not (is_open and may(Permission.MANAGE_RESOURCES)):
        return None
    named = {"org": here.handle, "project": where.project, "kind": BY_NOUN[noun].plural, "handle": where.handle}
    return address("history.restore", **named, number=state.number)


def describe_lost(tracked: type[Tracked], lost: Lost) -> str:
    """Says what becomes of a field that does not come back as it was."""
    stays = "it stays as it is."
    match lost.why:
        case Why.SEALED:
            by = f" with #{lost.number}" if lost.number else ""
            return f"Changed since{by}. No entry keeps its value: {stays}"
        case Why.UNKNOWN:
            return f"No entry tells what it was: {stays}"
        case Why.GONE:
            several = tracked.fields()[lost.field].shape is Shape.REFERENCES
            return f"{lost.handle} does not exist any more: {'it is left out.' if several else stays}"
        case Why.REPLACED:
            return f"{lost.handle} is another one than then: what bore this handle has ended."
        case Why.REFUSED:
            return f"{lost.complaint} {stays.capitalize()}"
