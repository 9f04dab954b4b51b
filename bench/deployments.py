"""How long a change takes until it serves, and a hundred containers until they are gone: on a real engine."""

import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import click

from bench.common import Ground, Row, row_of, turns
from bench.engine import Engine, NoEngineHere, engine
from bench.processes import PROGRAM, environment, running, until
from models.database import db
from models.jobs.job import JobKey
from models.jobs.observation import ResourceKey
from models.jobs.queue import Hinted
from models.kinds.container import Container
from models.organisation import by_handle
from models.project import Project
from models.system import cascade
from models.transaction import transaction
from worker.hint import hint, hint_at_engine

ROUNDS = 15
CONTAINERS = 100
STEP_SECONDS = 0.01
BY_HAND = "by-hand"


def rows(ground: Ground) -> Iterator[Row]:
    """By the process that does it in earnest, from the COMMIT; beside it, the same by hand through the same SDK."""
    with tempfile.TemporaryDirectory(prefix="activity-log-engine-") as folder:
        try:
            with engine(Path(folder)) as private:
                yield from _measured(ground, private, Path(folder))
        except NoEngineHere as reason:
            click.echo(f"deployments: left out, {reason}", err=True)


def _measured(ground: Ground, private: Engine, folder: Path) -> Iterator[Row]:
    told = {**environment(ground.settings), "DOCKER_HOST": private.host}
    private.api.create_network(BY_HAND, driver="bridge")
    with running([PROGRAM, "runtime"], told, folder / "runtime.log"):
        yield _replaced(ground, private)
        yield _removed(ground, private)


def _replaced(ground: Ground, private: Engine) -> Row:
    project = _project(ground, "replaced")
    with transaction() as hints:
        one = project.create(
            ground.ada,
            Container,
            name="api",
            handle="api",
            image="acme/web:1",
            memory_mib=64,
            cpu_millicores=1000,
            health_path="/health",
        )
    _hint(hints)
    until(partial(_serves_alone, private, one.key, 1), every=STEP_SECONDS)
    pairs = []
    for turn in turns(ROUNDS):
        db.session.refresh(one)
        with transaction() as hints:
            one.update(ground.ada, one.version, image=f"acme/web:{2 - turn % 2}")
        begin = time.perf_counter()
        _hint(hints)
        until(partial(_serves_alone, private, one.key, one.revision), every=STEP_SECONDS)
        taken = time.perf_counter() - begin
        pairs.append((taken, _replaced_by_hand(private)))
    return row_of("A changed image, from COMMIT until it alone serves", pairs, "create, start, remove by hand")


def _replaced_by_hand(private: Engine) -> float:
    """No limits, no name in its project, no waiting until it is well."""
    old = private.api.create_container("acme/web:1", host_config=_host(private))["Id"]
    private.api.start(old)
    api = private.api
    begin = time.perf_counter()
    new = api.create_container("acme/web:2", host_config=_host(private))["Id"]
    api.start(new)
    api.stop(old)
    api.remove_container(old)
    taken = time.perf_counter() - begin
    api.remove_container(new, force=True)
    return taken


def _removed(ground: Ground, private: Engine) -> Row:
    project = _project(ground, "removed")
    with transaction() as hints:
        for place in range(CONTAINERS):
            name = f"c-{place}"
            project.create(
                ground.ada, Container, name=name, handle=name, image="acme/web:1", memory_mib=64, cpu_millicores=20
            )
    _hint(hints)
    until(lambda: len(_ours(private, project)) == CONTAINERS and _settled(project), every=STEP_SECONDS)
    with transaction() as hints:
        project.delete(ground.ada, "removed")
    begin = time.perf_counter()
    for key in hints:
        assert isinstance(key, JobKey)
        cascade.run(key)
    db.session.remove()
    hint_at_engine(ground.big)
    until(lambda: not _ours(private, project), every=STEP_SECONDS)
    taken = time.perf_counter() - begin
    made = [private.api.create_container("acme/web:1", host_config=_host(private))["Id"] for _ in range(CONTAINERS)]
    for each in made:
        private.api.start(each)
    begin = time.perf_counter()
    for each in made:
        private.api.stop(each)
        private.api.remove_container(each)
    one_by_one = time.perf_counter() - begin
    what = f"{CONTAINERS} containers of a deleted project, from COMMIT until they are gone"
    return row_of(what, [(taken, one_by_one)], "one after the other by hand")


def _host(private: Engine) -> object:
    return private.api.create_host_config(init=True, network_mode=BY_HAND)


def _project(ground: Ground, handle: str) -> Project:
    organisation = by_handle(ground.organisations[ground.big].handle)
    assert organisation is not None
    with transaction():
        return organisation.create_project(ground.ada, name=handle, handle=handle)


def _hint(hints: list[Hinted]) -> None:
    for key in hints:
        hint(key)


def _ours(private: Engine, project: Project) -> list[object]:
    labels = [f"activity-log.project={project.id}", "activity-log.kind=container"]
    return list(private.api.containers(filters={"label": labels}, all=True))


def _settled(project: Project) -> bool:
    found = [each.status for each in project.resources(Container, size=CONTAINERS)]
    db.session.remove()
    return found == ["running"] * CONTAINERS


def _serves_alone(private: Engine, key: ResourceKey, revision: int) -> bool:
    labels = [f"activity-log.kind={key.noun}", f"activity-log.id={key.id}"]
    found = private.api.containers(filters={"label": labels}, all=True)
    return [each["Labels"]["activity-log.revision"] for each in found] == [str(revision)]
