"""Holding a parent while a child is added, so that none is created in what is being deleted; and changing its state.

A plain read of the parent's state is not enough: a resource created beside a deletion stayed alive in the deleted
project. FOR SHARE lets many add at once and makes the deletion wait for them, or them for the deletion.
"""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text

from models.database import db
from models.errors import NotFound, OrganisationSuspended

GONE = "This organisation is deleted, or will be in a moment; nothing can be changed in it any more."
PROJECT_GONE = "This project is deleted, or will be in a moment; nothing can be changed in it any more."
WHILE_SUSPENDED = (
    "Members, invitations and billing can be changed and what there is can be ended; nothing else can be created or "
    "changed."
)
SUSPENDED = (
    f"This organisation is suspended. {WHILE_SUSPENDED} If its balance is used up, an owner resumes it by topping up "
    "under Billing; if the platform's operator suspended it, only they can."
)


def hold_organisation(organisation_id: int) -> None:
    """Keep the organisation active until COMMIT. Raises OrganisationSuspended, NotFound."""
    require_active(db.session.execute(HOLD, {"organisation": organisation_id}).scalar_one_or_none())


class Held(NamedTuple):
    """An organisation that its holder alone may change until COMMIT: whoever is given one need not hold it again."""

    id: int
    state: str
    name: str


def hold_organisation_alone(organisation_id: int) -> Held:
    """Keep the organisation's state as it is, and everyone else who calls this waiting, until COMMIT.

    For members and money, which are also managed while the organisation is suspended. Raises NotFound.
    """
    row = db.session.execute(HOLD_ALONE, {"organisation": organisation_id}).one_or_none()
    if row is None or row.state not in ("active", "suspended"):
        raise NotFound(GONE)
    return Held(*row)


def has_ended(organisation_id: int) -> bool:
    """Whether the organisation is being deleted or is deleted, which it stays: there is nothing to hold."""
    return db.session.execute(STATE, {"organisation": organisation_id}).scalar_one() in ("deleting", "deleted")


def change_state(organisation_id: int, before: str, after: str, now: datetime) -> None:
    """Move an organisation from one state to another; nothing happens when it is in a third one.

    The only place where its state changes: active and suspended alternate, either becomes deleting, and that deleted.
    """
    values = {"organisation": organisation_id, "before": before, "after": after, "now": now}
    db.session.execute(CHANGE_STATE, values)


def hold_project(organisation_id: int, project_id: int) -> str:
    """Keep project and organisation active until COMMIT; returns the project's name, for the entry that follows.

    Raises OrganisationSuspended, NotFound.
    """
    hold_organisation(organisation_id)
    values = {"organisation": organisation_id, "project": project_id}
    project = db.session.execute(HOLD_PROJECT, values).one_or_none()
    if project is None or project.state != "active":
        raise NotFound(PROJECT_GONE)
    return str(project.name)


def require_active(state: str | None) -> None:
    """Raises OrganisationSuspended, NotFound unless the organisation's state is active."""
    if state == "suspended":
        raise OrganisationSuspended(SUSPENDED)
    if state != "active":
        raise NotFound(GONE)


STATE = text("SELECT state FROM organisations WHERE id = :organisation")
HOLD = text("SELECT state FROM organisations WHERE id = :organisation FOR SHARE")
# NO KEY: a job inserted at the end of another transaction only checks that the organisation exists, and must not wait
# for us while that transaction holds the head of the log, which we are going to need.
HOLD_ALONE = text("SELECT id, state, name FROM organisations WHERE id = :organisation FOR NO KEY UPDATE")
HOLD_PROJECT = text(
    "SELECT state, name FROM projects WHERE organisation_id = :organisation AND id = :project FOR SHARE"
)
CHANGE_STATE = text("""
    UPDATE organisations
       SET state = CAST(:after AS varchar), version = version + 1,
           ended_at = CASE WHEN CAST(:after AS varchar) = 'deleted' THEN :now ELSE ended_at END
     WHERE id = :organisation AND state = :before
""")
