"""Filling the log, and reading it back as plainly as possible: what a test asserts on."""

from typing import Any

from sqlalchemy import Row, text

from models.database import db
from models.log import feed
from models.log.actor import Actor
from models.log.feed import Page
from models.log.record import Action, Subject, record_each
from models.log.spoken import actor, told
from models.organisation import Organisation, create_organisation
from models.people.user import User
from models.project import Project
from models.transaction import transaction

STORED = """number, occurred_at, resource_id, cause_number, organisation_id, actor_id, project_id, action,
            resource_type, door, actor_role, project_name, people"""
EVERYTHING = text(f"""
    SELECT {STORED}, {actor()} AS actor_name, {told("resource_name")} AS resource_name,
           {told("summary")} AS summary, {told("changes")} AS changes
      FROM activity_entries AS entry WHERE organisation_id = :id ORDER BY number
""")


def entries(organisation: Organisation) -> list[Row[Any]]:
    """Every entry of the organisation, oldest first, with all its columns and the names of people in their places."""
    found = list(db.session.execute(EVERYTHING, {"id": organisation.id}))
    db.session.rollback()
    return found


def latest_entry(organisation: Organisation) -> Row[Any]:
    """The newest one."""
    return entries(organisation)[-1]


def entry_saying(organisation: Organisation, summary: str) -> Row[Any]:
    """Returns the one entry with this sentence."""
    [found] = [each for each in entries(organisation) if each.summary == summary]
    return found


def summaries(organisation: Organisation) -> list[str]:
    """The sentences, oldest first."""
    return [each.summary for each in entries(organisation)]


def unfolded(page: Page) -> list[feed.Row]:
    """Returns the entries of a page on which nothing is folded."""
    rows = [each for each in page.rows if isinstance(each, feed.Row)]
    assert len(rows) == len(page.rows)
    return rows


def fill(organisation: Organisation, actor: Actor, count: int) -> None:
    """Adds so many entries to an organisation's log, in one transaction."""
    scope = Subject(organisation.id, "container", 0, "")
    with transaction():
        record_each(actor, Action.UPDATE, scope, [(number, f"c-{number}") for number in range(count)])


def rename(project: Project, actor: Actor, name: str) -> None:
    """Adds one more entry to the log of the project's organisation."""
    with transaction():
        project.update(actor, project.version, name=name)


def found_another(people: dict[str, User], ada: Actor, handle: str) -> Organisation:
    """Founds another organisation of Ada's."""
    with transaction():
        return create_organisation(people["ada"], ada, name=handle.capitalize(), handle=handle, email="x@example.com")
