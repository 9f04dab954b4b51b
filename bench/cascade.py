"""What caution costs a cascade: chunks, leases and fencing against one statement that does it all at once."""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import psycopg
from sqlalchemy import text

from bench.common import Goal, Ground, Row, compare, per_second
from bench.many import make_containers
from bench.processes import PROGRAM, environment, running
from models.database import db
from models.jobs.job import JobKey
from models.kinds import resource
from models.kinds.container import Container
from models.organisation import by_handle
from models.project import Project
from models.system import cascade
from models.transaction import transaction
from worker.hint import hint

CONTAINERS = 10_000
ROUNDS = 9
WORKERS = 2
GOAL = Goal(0.5, at_least=True)
ASKED_GOAL = Goal(0.9, at_least=True)
OTHERS_GOAL = Goal(4)
PATIENCE_SECONDS = 60
EDITS = 40
IMAGES = (f"registry.example.com/others:1.{build}" for build in count())
HANDLES = (f"cascade-{place}" for place in count())


def rows(ground: Ground) -> Iterator[Row]:
    """In this process alone; then by two real Celery processes, from the COMMIT; then what others notice of it."""
    against = "one audited statement"

    def in_chunks() -> float:
        return _alone(_delete(ground, _project(ground)))

    def unasked() -> float:
        key = _delete(ground, _project(ground))
        with ground.owing_nothing():
            return _alone(key)

    def at_once() -> float:
        project = _project(ground)
        start = time.perf_counter()
        with psycopg.connect(ground.superuser_url) as connection:
            values = {"organisation": ground.big, "project": project.id, "name": project.name}
            assert connection.execute(AT_ONCE, values).fetchall() == [(CONTAINERS,)]
        return CONTAINERS / (time.perf_counter() - start)

    def by_celery() -> float:
        key = _delete(ground, _project(ground))
        hint(key)
        return CONTAINERS / _seconds_until_done(key)

    what = "Deletion of a project with 10,000 containers, entries"
    yield compare(f"{what}, one process", in_chunks, against, at_once, rounds=ROUNDS, unit=per_second)
    asked = "The same, its entries asked for at COMMIT"
    yield compare(asked, in_chunks, "nobody asking", unasked, ASKED_GOAL, rounds=ROUNDS, unit=per_second)
    with _celery(ground):
        yield compare(
            f"{what}, two workers, from COMMIT to done",
            by_celery,
            against,
            at_once,
            GOAL,
            rounds=ROUNDS,
            unit=per_second,
        )
        yield _others(ground)


def _alone(key: JobKey) -> float:
    start = time.perf_counter()
    assert cascade.run(key)
    return CONTAINERS / (time.perf_counter() - start)


def _others(ground: Ground) -> Row:
    """Edits of a container in another project of the same organisation, one after the other, as one person makes them.

    Raises AssertionError for a deadlock.
    """
    organisation = by_handle(ground.organisations[ground.big].handle)
    assert organisation is not None
    with transaction():
        theirs = organisation.create_project(ground.ada, name="Others", handle="others")
        theirs.create(ground.ada, Container, name="api", handle="api", image=next(IMAGES))
    db.session.remove()
    before = _deadlocks()

    def edit() -> float:
        start = time.perf_counter()
        with transaction():
            found = resource.by_handle(Container, ground.big, theirs.id, "api")
            assert found is not None
            found.update(ground.ada, found.version, image=next(IMAGES))
        taken = time.perf_counter() - start
        db.session.remove()
        return taken

    def beside() -> float:
        key = _delete(ground, _project(ground))
        hint(key)
        taken = [edit()]
        while not _is_done(key):
            taken.append(edit())
        return statistics.median(taken)

    def alone() -> float:
        return statistics.median(edit() for _ in range(EDITS))

    row = compare(
        "Edits by others while it runs", beside, "the same edits with nothing beside", alone, OTHERS_GOAL, rounds=ROUNDS
    )
    assert _deadlocks() == before
    return row


def _project(ground: Ground) -> Project:
    """A project with its containers, in the organisation with a million entries."""
    handle = next(HANDLES)
    organisation = by_handle(ground.organisations[ground.big].handle)
    assert organisation is not None
    with transaction():
        project = organisation.create_project(ground.ada, name=handle, handle=handle)
    with ground.owing_nothing(), transaction():
        make_containers(project, CONTAINERS)
    # What was inserted just now is neither vacuumed nor flushed during the measurement.
    ground.as_superuser("VACUUM ANALYZE containers")
    ground.as_superuser("CHECKPOINT")
    return project


def _delete(ground: Ground, project: Project) -> JobKey:
    with transaction() as hints:
        project.delete(ground.ada, confirm=project.handle)
    db.session.remove()
    [key] = hints
    assert isinstance(key, JobKey)
    return key


def _is_done(key: JobKey) -> bool:
    found = db.session.execute(TAKEN, key._asdict()).scalar_one() is not None
    db.session.rollback()
    return found


def _deadlocks() -> int:
    found = int(db.session.execute(DEADLOCKS).scalar_one())
    db.session.rollback()
    return found


def _seconds_until_done(key: JobKey) -> float:
    patience = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < patience:
        taken = db.session.execute(TAKEN, key._asdict()).scalar_one()
        db.session.rollback()
        if taken is not None:
            return float(taken)
        time.sleep(0.05)
    raise TimeoutError(f"job {key.id} was not done in {PATIENCE_SECONDS} seconds")


@contextmanager
def _celery(ground: Ground) -> Iterator[None]:
    """`activity-log worker`, as an operator starts it."""
    command = [PROGRAM, "worker", "--concurrency", str(WORKERS)]
    with running(command, environment(ground.settings), ground.settings.data_dir / "worker.log"):
        yield


# The same rows changed, the same entries in the same table under the same indexes, by the superuser, since the
# product's role has no such right; no chunks, no lease, no way to stop or resume, and the organisation's head locked
# from beginning to end.
AT_ONCE = """
    WITH ended AS (
        UPDATE containers SET state = 'terminated', ended_at = now(), version = version + 1, environment = ''
         WHERE organisation_id = %(organisation)s AND project_id = %(project)s AND ended_at IS NULL
     RETURNING id, name
    ), numbered AS (
        SELECT id, name, row_number() OVER (ORDER BY id) AS place FROM ended
    ), head AS (
        UPDATE activity_heads SET last_number = last_number + (SELECT count(*) FROM ended)
         WHERE organisation_id = %(organisation)s
     RETURNING last_number - (SELECT count(*) FROM ended) AS last_before
    ), written AS (
        INSERT INTO activity_entries (
            organisation_id, number, actor_id, actor_role, door, action, resource_type, resource_id,
            resource_name, project_id, project_name, summary, changes, cause_number)
        SELECT %(organisation)s, head.last_before + place, NULL, NULL, 'worker', 'terminate', 'container', id,
               name, %(project)s, %(name)s, 'Container ' || name || ' terminated', NULL, 1
          FROM head, numbered
     RETURNING number
    )
    SELECT count(*) FROM written
"""
DEADLOCKS = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
TAKEN = text("""
    SELECT extract(epoch FROM finished_at - created_at) FROM jobs WHERE organisation_id = :organisation_id AND id = :id
""")
