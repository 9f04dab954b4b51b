"""What real containers write reaches who looks, through the runtime alone, and nothing sealed with it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bench import images
from bench.engine import Engine
from models.database import db
from models.jobs import deployment_history
from models.jobs.deployment import DeploymentKey
from models.jobs.output import KEPT_LETTERS_MOST, KEPT_LINES_MOST, LINES_MOST, Output
from models.kinds.container import Container
from models.kinds.secret import Secret
from models.organisation import Organisation
from models.project import Project
from models.settings import Settings
from models.transaction import transaction
from tests.models.test_canary import everything as whole_database
from tests.runtime.conftest import change, converge, ran, running
from tests.support import processes
from tests.support.log import entries
from tests.support.processes import environment, until
from tests.web.conftest import Visitor, visit
from worker import output
from worker.engine import output as readings
from worker.engine.docker import DockerEngine
from worker.hint import hint_at_engine

__all__ = ["visit"]
CANARY = "canary-7f3a"
TALKS = 'echo "starting with $TOKEN"; echo to errors >&2; httpd -f -p 8080 -h /www'


def image(engine: Engine, name: str, script: str) -> str:
    """An image that runs a script."""
    images.make(engine.api, name, ["sh", "-c", script])
    return name


@pytest.fixture
def talking(engine: Engine, web: Project, ada: Any) -> Container:
    """A container that writes a secret first of all."""
    with transaction():
        web.create(ada, Secret, handle="token", value=CANARY)
    with transaction():
        return web.create(
            ada,
            Container,
            name="talks",
            handle="talks",
            image=image(engine, "acme/talks:1", TALKS.replace('"', '\\"')),
            memory_mib=64,
            secrets=["token"],
        )


def texts(found: Output) -> list[str]:
    """The lines."""
    return [each.text for each in found.lines]


def read(runtime: DockerEngine, container: Container, revision: int = 1) -> Output:
    """What the runtime reads when it is asked."""
    return readings.read(runtime, DeploymentKey(*container.key, revision))


def test_what_a_container_writes_is_read_and_its_secret_is_hidden(runtime: DockerEngine, talking: Container) -> None:
    converge(runtime, talking)
    found = read(runtime, talking)

    assert sorted(texts(found)) == ["starting with •••", "to errors"]
    assert found.lines == sorted(found.lines, key=lambda line: line.at)
    assert read(runtime, talking, 2) == Output([], is_there=False)


def test_a_secret_that_was_changed_since_is_hidden_in_both_spellings(
    runtime: DockerEngine, engine: Engine, web: Project, talking: Container, ada: Any
) -> None:
    converge(runtime, talking)
    token = web.find(Secret, "token")
    with transaction():
        token.update(ada, token.version, value="another-9b21")
    [one] = running(engine)
    ran(engine, one["Id"], ["sh", "-c", f"echo {CANARY} another-9b21 > /proc/1/fd/1"])

    # The engine writes down what it hears a moment later.
    until(lambda: texts(read(runtime, talking))[-1] == "••• •••")


def test_the_last_lines_alone_are_read_of_many_and_of_very_long_ones(
    runtime: DockerEngine, engine: Engine, web: Project, ada: Any
) -> None:
    script = "i=0; while [ $i -lt 700 ]; do echo line $i; i=$((i+1)); done; sleep 600"
    long = "i=0; while [ $i -lt 400 ]; do printf '%20000s\\n' $i; i=$((i+1)); done; sleep 600"
    with transaction():
        many, wide = (
            web.create(ada, Container, name=name, handle=name, image=image(engine, f"acme/{name}:1", each))
            for name, each in (("many", script), ("wide", long.replace("\\", "\\\\")))
        )
    converge(runtime, many, wide)
    until(lambda: texts(read(runtime, many))[-1:] == ["line 699"])
    until(lambda: texts(read(runtime, wide)) != [])

    assert len(texts(read(runtime, many))) == LINES_MOST
    assert 1 <= len(texts(read(runtime, wide))) <= LINES_MOST // 10


def test_one_that_did_not_come_up_leaves_its_last_words_sealed_and_nowhere_else(
    runtime: DockerEngine,
    engine: Engine,
    acme: Organisation,
    talking: Container,
    ada: Any,
    superuser: psycopg.Connection,
) -> None:
    converge(runtime, talking)
    script = "i=0; while [ $i -lt 99 ]; do echo dying-word $i $TOKEN; i=$((i+1)); done; exit 3"
    change(talking, ada, image=image(engine, "acme/dies:1", script))
    converge(runtime, talking)
    found = deployment_history.last_output(DeploymentKey(*talking.key, 2))

    assert found
    assert len(found.lines) <= KEPT_LINES_MOST
    assert texts(found)[-1] == "dying-word 98 •••"
    assert sum(len(each) for each in texts(found)) <= KEPT_LETTERS_MOST
    assert not [each for each in entries(acme) if "dying-word" in str(each) or CANARY in str(each)]
    assert "dying-word" not in whole_database(superuser)
    assert sorted(texts(read(runtime, talking))) == ["starting with •••", "to errors"]


def test_what_was_given_to_it_is_not_known_any_more_and_nothing_is_shown(
    runtime: DockerEngine, talking: Container, ada: Any, superuser: psycopg.Connection
) -> None:
    converge(runtime, talking)
    change(talking, ada, image="acme/ends:1")
    converge(runtime, talking)
    superuser.execute("UPDATE deployments SET specification = ''")

    assert read(runtime, talking) == Output([], readings.UNKNOWN_VALUES)


def test_one_that_is_gone_from_the_engine_has_written_nothing(
    runtime: DockerEngine, engine: Engine, talking: Container
) -> None:
    converge(runtime, talking)
    found = runtime.instances(key=talking.key)
    engine.clear()

    assert runtime.output(found[0]) == []
    assert not read(runtime, talking).is_there


def test_a_page_and_the_command_line_show_it_through_the_runtime_process(
    settings: Settings, engine: Engine, talking: Container, visit: Callable[[str], Visitor], tmp_path: Path
) -> None:
    def is_up() -> bool:
        hint_at_engine(talking.organisation_id)  # again and again, as the schedule does
        return len(running(engine)) == 1

    owner = visit("linus")
    address = "/orgs/acme/projects/web/containers/talks/output"
    with processes.runtime(settings, engine.host, tmp_path):
        until(is_up, tmp_path / "runtime.log", every=2)
        until(lambda: "starting with •••" in owner.fragment(address).text)
        told = logs(settings, "acme/web/talks")
    until(lambda: output.look(DeploymentKey(*talking.key, 1)) is None)

    assert sorted(told.stdout.splitlines()) == ["starting with •••", "to errors"]
    assert told.stderr == ""
    assert CANARY not in (tmp_path / "runtime.log").read_text()
    db.session.rollback()


def test_the_command_line_says_what_is_wrong(settings: Settings, talking: Container) -> None:
    assert "There is no organisation nowhere." in logs(settings, "nowhere/web/talks").stderr
    assert "Nothing that runs is called other in acme/web." in logs(settings, "acme/web/other").stderr
    assert "give organisation/project/handle" in logs(settings, "talks").stderr
    assert "The runtime process does not answer." in logs(settings, "acme/web/talks").stderr


def logs(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What the command prints."""
    return subprocess.run(  # noqa: S603
        [sys.executable, "-c", "from web.cli import main; main()", "logs", *arguments],
        env=environment(settings, 8000),
        capture_output=True,
        text=True,
        check=False,
    )
