"""`activity-log up` as a person meets it: first start, second start, Ctrl-C, kill -9, another user."""

import os
import pwd
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.setup.test_embedded import ended, nobody
from tests.support.processes import free_port
from web.cli.local import launch

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 90
READY = re.compile(r"Activity Log is ready:\s+(\S+)")
UP = [sys.executable, "-c", "from web.cli import main; main()", "up"]
NOHUP = ["/usr/bin/env", "nohup"]
OURS = ("granian", "celery", "valkey-server", "postgres")


class Running:
    """An `up`, and what it printed so far."""

    def __init__(
        self, folder: Path, as_nobody: bool = False, nohup: bool = False, log: Path | None = None, **environ: str
    ) -> None:
        self.folder = folder
        self.log = log or folder.parent / f"{folder.name}.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.port = environ.get("PORT", str(free_port()))
        inherited = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(  # noqa: S603 (our own program)
                launch.command([*(NOHUP if nohup else ()), *UP], signal.SIGTERM, nobody() if as_nobody else None),
                cwd=ROOT,
                env={
                    **inherited,
                    "DATA_DIR": str(folder),
                    "DEMO": "0",
                    "DOCKER_HOST": "none",
                    "PORT": self.port,
                    **environ,
                },
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self) -> "Running":
        """Until it says that it is ready."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not READY.search(self.printed):
            assert self.process.poll() is None, self.printed
            assert time.monotonic() < end, self.printed
            time.sleep(0.1)
        return self

    @property
    def printed(self) -> str:
        """What it printed so far."""
        return self.log.read_text()

    def kill_everything(self) -> None:
        """At once, itself first: nothing gets to tidy up."""
        for each in self.family():
            with suppress(psutil.NoSuchProcess):
                each.kill()

    def family(self) -> list[psutil.Process]:
        """Itself and everything it started."""
        return [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]


def finish(started: list[Running], folder: Path) -> None:
    """Ask each to end; kill what is left of any."""
    for each in started:
        if each.process.poll() is None:
            each.process.send_signal(signal.SIGTERM)
            each.process.wait(60)
    for process in psutil.process_iter(["cmdline"]):
        if str(folder) in " ".join(process.info["cmdline"] or ()):
            process.kill()


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start one; whatever is left of any is killed in the end."""
    started: list[Running] = []

    def start(folder: Path = tmp_path / "data", **options: object) -> Running:
        started.append(Running(folder, **options))  # type: ignore[arg-type]
        return started[-1]

    yield start
    finish(started, tmp_path)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One that is up, for looking at; a proxy that does not answer is in its environment."""
    folder = tmp_path_factory.mktemp("shared")
    started = [Running(folder / "data", http_proxy="http://127.0.0.1:9", HTTP_PROXY="http://127.0.0.1:9")]
    yield started[0].wait()
    finish(started, folder)


def signed_up(running: Running) -> int:
    """How many accounts its database has."""
    url = environment_of(running)["DATABASE_URL"]
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM users").fetchone()
    assert row
    return int(row[0])


def environment_of(running: Running) -> dict[str, str]:
    """What its web process was told."""
    for process in running.family():
        found: dict[str, str] = process.environ()
        if "DATABASE_URL" in found:
            return found
    raise AssertionError("no process knows the database")


def test_a_first_start_fills_the_demo_a_second_keeps_it_and_ctrl_c_ends_every_process(
    up: Callable[..., Running], tmp_path: Path
) -> None:
    folder = tmp_path / "a folder with spaces" / ("deep" * 30)
    first = up(folder, DEMO="1").wait()
    family = first.family()
    kinds = {kind for kind in OURS for each in family if kind in " ".join(each.cmdline())}
    sign_in = re.search(r"Demo sign-in:\s+(\S+@\S+)\s+(\S+)", first.printed)
    people = signed_up(first)
    first.process.send_signal(signal.SIGINT)
    assert first.process.wait(60) == 0

    assert (folder / "lock").read_text() == ""
    assert kinds == set(OURS)
    assert sign_in
    assert people == 4
    assert ended(family)

    second = up(folder, DEMO="1").wait()
    assert signed_up(second) == 4
    assert sign_in[2] in second.printed
    # As when its terminal is closed.
    second.process.send_signal(signal.SIGHUP)
    assert second.process.wait(60) == 0


def test_after_a_kill_9_of_everything_in_the_middle_of_the_demo_the_next_start_fills_it_whole_and_keeps_it(
    up: Callable[..., Running],
) -> None:
    first = up(DEMO="1")
    while "schema is up to date" not in first.printed:
        assert first.process.poll() is None, first.printed
        time.sleep(0.05)
    while not any("demo" in each.cmdline() and signed_up(first) for each in first.family()):
        time.sleep(0.05)
    first.kill_everything()

    second = up(DEMO="1").wait()
    sign_in = second.folder.joinpath("demo-sign-in.txt").read_text()
    assert signed_up(second) == 4
    second.kill_everything()

    third = up(DEMO="1").wait()
    assert signed_up(third) == 4
    assert third.folder.joinpath("demo-sign-in.txt").read_text() == sign_in


def test_after_a_kill_9_of_up_alone_all_it_started_ends_and_the_next_start_finds_the_way_free(
    up: Callable[..., Running],
) -> None:
    first = up().wait()
    family = first.family()
    first.process.kill()
    first.process.wait()
    # At once: what is left of the first one may still be ending.
    second = up(PORT=first.port).wait()

    assert second.process.poll() is None
    assert ended(family[1:])


def test_health_answers_while_it_runs(shared: Running) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{shared.port}/healthz") as answer:
        assert answer.status == 200


def test_a_second_one_over_the_same_data_is_told_so(
    shared: Running, up: Callable[..., Running], tmp_path: Path
) -> None:
    (tmp_path / "data").symlink_to(shared.folder)
    second = up()

    assert second.process.wait(30) == 1
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

    assert second.process.wait(30) == 1
    assert "Set another one, such as PORT=8001" in second.printed


def test_a_folder_that_cannot_be_used_is_told(up: Callable[..., Running], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = up(tmp_path / "file" / "data", log=tmp_path / "refused.log")

    assert refused.process.wait(30) == 1
    assert "Set another DATA_DIR" in refused.printed


def test_a_terminal_that_closes_does_not_end_it_under_nohup(up: Callable[..., Running]) -> None:
    kept = up(nohup=True).wait()
    kept.process.send_signal(signal.SIGHUP)

    with pytest.raises(subprocess.TimeoutExpired):
        kept.process.wait(2)


@pytest.mark.parametrize(
    ("victim", "told"),
    [("beat", "The scheduler process ended"), ("postgres", "PostgreSQL ended")],
)
def test_whatever_dies_ends_everything_with_its_name(up: Callable[..., Running], victim: str, told: str) -> None:
    running = up().wait()
    family = running.family()
    next(each for each in family if victim in {Path(word).name for word in each.cmdline()}).kill()

    assert running.process.wait(60) == 1
    assert told in running.printed
    assert ended(family[1:])


def test_an_ordinary_user_starts_it_too(up: Callable[..., Running], tmp_path: Path) -> None:
    if os.geteuid() != 0:
        # Then every other test here has shown it.
        assert up().wait().process.poll() is None
        return
    nobody = pwd.getpwnam("nobody")
    open_to_all = Path("/tmp") / f"activity-log-{os.getpid()}"  # noqa: S108 (removed below)
    open_to_all.mkdir()
    os.chown(open_to_all, nobody.pw_uid, nobody.pw_gid)
    try:
        running = up(open_to_all / "data", as_nobody=True).wait()
        owners = {each.username() for each in running.family()}
        running.process.send_signal(signal.SIGINT)
        assert running.process.wait(60) == 0
        assert owners == {"nobody"}
    finally:
        subprocess.run(["rm", "-rf", str(open_to_all)], check=True)  # noqa: S603, S607
