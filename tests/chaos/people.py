"""What is on the platform, and who clicks."""

import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy.exc import DBAPIError

from models.database import db
from models.errors import NotFound, StaleVersion
from models.jobs.job import JobKey
from models.kinds.container import Container
from models.kinds.registry import Registry
from models.kinds.secret import Secret
from models.log.actor import Actor, Door
from models.organisation import Organisation, by_handle, create_organisation
from models.people.access import Role
from models.people.user import find_user, sign_up
from models.project import Project
from models.transaction import transaction
from tests.chaos.fleet import Fleet
from tests.support.factories import many_containers
from tests.support.work import jobs_of
from worker.hint import hint

PATIENCE_SECONDS = 200


def ada(fleet: Fleet) -> Actor:
    """The owner of everything."""
    with fleet.app.app_context():
        with transaction():
            user = sign_up("ada@example.com", "Ada Lovelace", "correct horse battery")
        return Actor(user.id, user.name, Role.OWNER, Door.WEB)


def furnish(fleet: Fleet, actor: Actor, handle: str, projects: int, containers: int) -> None:
    """An organisation with so many projects of so many containers each, every one with the entry of its creation."""
    with fleet.app.app_context():
        with transaction():
            organisation = create_organisation(
                find_user(actor.id or 0), actor, name=handle, handle=handle, email="ada@example.com"
            )
        for number in range(projects):
            with transaction():
                project = organisation.create_project(actor, name=f"P{number}", handle=f"p{number}")
                project.create(actor, Registry, handle="main", server="r.example.com", username="ci", password="p")
                project.create(actor, Secret, handle="token", value="v")
            with transaction():
                many_containers(project, actor, containers)


def double_click(fleet: Fleet, actor: Actor, organisation: str, project: str | None) -> None:
    """Delete it, twice at the same moment, and hint at it more often than that; the database may be down meanwhile."""

    def click() -> None:
        with fleet.app.app_context():
            keys = insist(lambda: _delete(actor, organisation, project))
            for key in keys * 3:
                hint(key)

    with ThreadPoolExecutor(2) as hands:
        for each in [hands.submit(click) for _ in range(2)]:
            each.result(2 * PATIENCE_SECONDS)


def edit(fleet: Fleet, actor: Actor, handle: str, dice: random.Random) -> None:
    """Changes a container of a project that is not deleted yet, if there is one; the database may be down meanwhile."""

    def change() -> None:
        with transaction():
            organisation = by_handle(handle)
            assert organisation
            project = organisation.find_project(dice.choice(["p0", "p1", "p2"]))
            living = project.resources(Container, size=1000)
            if living:
                chosen = dice.choice(living)
                chosen.update(
                    actor, chosen.version, image=f"nginx:1.{dice.randrange(10**6)}", port=dice.randrange(1, 9)
                )

    with fleet.app.app_context():
        insist(change)


def insist(verb: Callable[[], Any]) -> Any:
    """As a person does who sees an error page: again, until there is an answer."""
    end = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return verb()
        except NotFound:
            return []  # the other click was first
        except (StaleVersion, DBAPIError):
            # The other click, or the system's suspension of what never paid, was in between; or PostgreSQL was down.
            db.session.remove()
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def _delete(actor: Actor, organisation: str, project: str | None) -> list[JobKey]:
    with transaction() as hints:
        found: Organisation | Project | None = by_handle(organisation)
        assert isinstance(found, Organisation)
        if project:
            found = found.find_project(project)
        found.delete(actor, found.handle)
    return jobs_of(hints)
