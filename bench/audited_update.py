"""What the entry costs an update: the same container loaded, changed and committed, with its entry and without."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count

from bench.common import Goal, Ground, Row, compare, each_takes
from models.database import db
from models.hold import hold_project
from models.kinds import references, resource
from models.kinds.container import Container
from models.log.actor import SYSTEM
from models.log.record import Action, Record, Sentence
from models.organisation import by_handle
from models.project import Project
from models.transaction import transaction

GOAL = Goal(1.5)
ASKED_GOAL = Goal(1.1)
ROUNDS = 81
# What its deployment names as the entry that asked for it.
NO_ENTRY = Record(SYSTEM, Action.UPDATE, 0, "container", None, [], [], Sentence("", ""), None, None, first_number=1)
IMAGES = (f"registry.example.com/api:1.{build}" for build in count())


def rows(ground: Ground) -> Iterator[Row]:
    """With COMMIT waiting for the disk as it does in earnest; then without, which leaves only what we add.

    And what it costs that the database asks for the entry.
    """
    project = _project(ground)

    def audited() -> None:
        with transaction():
            found = _load(project)
            found.update(ground.ada, found.version, image=next(IMAGES))
        db.session.remove()

    def bare() -> None:
        with transaction():
            found = _load(project)
            _update_without_entry(found, found.version, image=next(IMAGES))
        db.session.remove()

    def pair(what: str, goal: Goal | None) -> Row:
        without = "the same without an entry"
        return compare(what, lambda: each_takes(audited), without, unasked(bare), goal, rounds=ROUNDS)

    def unasked(update: Callable[[], None]) -> Callable[[], float]:
        def measured() -> float:
            with ground.owing_nothing():
                return each_takes(update)

        return measured

    yield pair("Audited update", GOAL)
    asked = "Audited update, its entry asked for at COMMIT"
    nobody = "the same with nobody asking"
    yield compare(asked, lambda: each_takes(audited), nobody, unasked(audited), ASKED_GOAL, rounds=ROUNDS)
    _waiting_for_disk(ground, "off")
    yield pair("Audited update, COMMIT not waiting for the disk", None)
    _waiting_for_disk(ground, "on")


def _project(ground: Ground) -> Project:
    """A project with one container in the organisation with a million entries."""
    organisation = by_handle(ground.organisations[ground.big].handle)
    assert organisation is not None
    with transaction():
        project = organisation.create_project(ground.ada, name="Updates", handle="updates")
    with transaction():
        project.create(ground.ada, Container, name="api", handle="api", image=next(IMAGES))
    db.session.remove()
    return project


def _load(project: Project) -> Container:
    found = resource.by_handle(Container, project.organisation_id, project.id, "api")
    assert found is not None
    return found


def _update_without_entry(container: Container, version: int, **values: str) -> None:
    """`Resource.update` line by line, but for its last: `record`."""
    container.require_not_ended()
    container.require_version(version)
    hold_project(container.organisation_id, container.project_id)
    assert not [name for name in values if container.fields()[name].fixed]
    before = container.uses
    if container.assign(dict(values)):
        references.require_existing(container)
        container.count(container.uses.minus(before))
        container.changed(values, replace(NO_ENTRY, organisation_id=container.organisation_id))


def _waiting_for_disk(ground: Ground, setting: str) -> None:
    ground.as_superuser(f"ALTER ROLE activity_log_app SET synchronous_commit = {setting}")
    db.engine.dispose()
