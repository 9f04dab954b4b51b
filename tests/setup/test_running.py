"""What one finds beside an `activity-log up` that runs, and what a second one is told."""

import os
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.setup.running import PATIENCE_SECONDS, ROOT, UP, Running, environment_of, finish
from web.cli.local import embedded

CLIENT = "client backend"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One that is up, for looking at; a proxy that does not answer is in its environment."""
    folder = tmp_path_factory.mktemp("shared")
    started = [Running(folder / "data", http_proxy="http://127.0.0.1:9", HTTP_PROXY="http://127.0.0.1:9")]
    yield started[0].wait()
    finish(started, folder)


def test_health_answers_while_it_runs(shared: Running) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{shared.port}/healthz") as answer:
        assert answer.status == 200


def test_a_second_one_over_the_same_data_is_told_so(
    shared: Running, up: Callable[..., Running], tmp_path: Path
) -> None:
    (tmp_path / "data").symlink_to(shared.folder)
    second = up()

    assert second.status() == 1
    assert f"already running over {shared.folder}" in second.printed


def command(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """What an operator types beside it, who was told of no database."""
    return subprocess.run(  # noqa: S603 (our own program)
        [*UP[:-1], *words],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(folder), **environ},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def test_the_commands_of_an_operator_find_what_it_runs(shared: Running) -> None:
    assert command(shared.folder, "jobs", "list").stdout == "Nothing is unfinished.\n"
    assert command(shared.folder, "billing", "suspend", "nowhere", "--reason", "a test").stderr == (
        "Error: There is no organisation nowhere.\n"
    )
    # What this shell has for other servers and engines would lead elsewhere.
    others = {"DOCKER_HOST": "unix:///elsewhere.sock", "PGHOSTADDR": "127.0.0.2", "DATABASE_URL": ""}
    assert "There is no engine" in command(shared.folder, "reconcile", **others).stderr


def test_every_connection_to_postgresql_bears_the_name_of_its_process(shared: Running) -> None:
    place = conninfo_to_dict(environment_of(shared)["DATABASE_URL"])
    password = embedded.Secrets.kept_in(shared.folder).superuser
    reached = {**place, "user": "postgres", "password": password}
    with psycopg.connect(**reached, application_name="the test", autocommit=True) as connection:  # type: ignore[arg-type]

        def names() -> set[str]:
            found = connection.execute(
                "SELECT application_name FROM pg_stat_activity WHERE backend_type = %s", [CLIENT]
            )
            return {str(row[0]) for row in found} - {"the test"}

        shared.until(lambda: {"activity-log web", "activity-log worker", "activity-log runtime"} <= names())
        assert {each.partition(" ")[0] for each in names()} == {"activity-log"}


def test_what_it_runs_is_told_to_nobody_else_and_only_while_it_runs(
    shared: Running, up: Callable[..., Running], tmp_path: Path
) -> None:
    told = shared.folder / "lock"
    assert environment_of(shared)["DATABASE_URL"] in told.read_text()
    assert told.stat().st_mode & 0o077 == 0
    ended = up().wait()
    ended.kill_everything()

    assert (ended.folder / "lock").read_text()
    missing = command(ended.folder, "jobs", "list").stderr
    assert missing.startswith("Error: DATABASE_URL is not set; ")
    assert f"no `activity-log up` of this user runs over {ended.folder}" in missing


def test_a_port_in_use_is_told_with_what_to_do(shared: Running, up: Callable[..., Running]) -> None:
    second = up(PORT=shared.port)

    assert second.status() == 1
    assert "Set another one, such as PORT=8001" in second.printed
