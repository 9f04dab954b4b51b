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
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.site import free_port

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 90
READY = re.compile(r"Activity Log is ready:\s+(\S+)")
# An ordinary user, who may still pass through folders that only root may enter: this checkout can be below one.
AS_NOBODY = (
    "setpriv",
    "--reuid=nobody",
    "--regid=nogroup",
    "--clear-groups",
    "--inh-caps=+dac_override",
    "--ambient-caps=+dac_override",
)
OURS = ("granian", "celery", "valkey-server", "postgres")


class Running:
    """An `up`, and what it printed so far."""

    def __init__(self, folder: Path, as_nobody: bool = False, **environ: str) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.log = folder.parent / f"{folder.name}.log"
        self.port = environ.get("PORT", str(free_port()))
        inherited = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(  # noqa: S603 (our own program)
                [*(AS_NOBODY if as_nobody else ()), sys.executable, "-c", "from web.cli import main; main()", "up"],
                cwd=ROOT,
                env={**inherited, "DATA_DIR": str(folder), "DEMO": "0", "PORT": self.port, **environ},
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

    def family(self) -> list[psutil.Process]:
        """Itself and everything it started."""
        return [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start one; whatever is left of any is killed in the end."""
    started: list[Running] = []

    def start(folder: Path = tmp_path / "data", **options: object) -> Running:
        started.append(Running(folder, **options))  # type: ignore[arg-type]
        return started[-1]

    yield start
    for each in started:
        if each.process.poll() is None:
            each.process.send_signal(signal.SIGTERM)
            each.process.wait(60)
    for process in psutil.process_iter(["cmdline"]):
        if str(tmp_path) in " ".join(process.info["cmdline"] or ()):
            process.kill()


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
        found = process.environ()
        if "DATABASE_URL" in found:
            return found
    raise AssertionError("no process knows the database")


def gone(processes: list[psutil.Process]) -> bool:
    """Whether all of them have ended."""
    _, alive = psutil.wait_procs(processes, timeout=20)
    return not [each for each in alive if each.status() != psutil.STATUS_ZOMBIE]


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

    assert kinds == set(OURS)
    assert sign_in
    assert people == 4
    assert gone(family)

    second = up(folder, DEMO="1").wait()
    assert signed_up(second) == 4
    assert sign_in[2] in second.printed


def test_after_a_kill_9_of_everything_the_next_start_recovers(up: Callable[..., Running]) -> None:
    first = up().wait()
    for each in first.family():
        each.kill()

    assert up().wait().process.poll() is None


def test_after_a_kill_9_of_up_alone_the_next_start_finds_the_way_free(up: Callable[..., Running]) -> None:
    first = up().wait()
    first.process.kill()
    first.process.wait()

    assert up().wait().process.poll() is None


def test_a_second_one_over_the_same_data_is_told_so(up: Callable[..., Running]) -> None:
    up().wait()
    second = up()

    assert second.process.wait(30) == 1
    assert "already running" in second.printed


def test_a_port_in_use_is_told_with_what_to_do(up: Callable[..., Running], tmp_path: Path) -> None:
    first = up().wait()
    second = up(tmp_path / "other", PORT=first.port)

    assert second.process.wait(30) == 1
    assert "Set another one, such as PORT=8001" in second.printed


def test_a_child_that_dies_ends_everything_with_its_name(up: Callable[..., Running]) -> None:
    running = up().wait()
    family = running.family()
    next(each for each in family if "beat" in each.cmdline()).kill()

    assert running.process.wait(60) == 1
    assert "The scheduler process ended" in running.printed
    assert gone(family[1:])


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


def test_health_answers_while_it_runs(up: Callable[..., Running]) -> None:
    running = up().wait()
    with urllib.request.urlopen(f"http://127.0.0.1:{running.port}/healthz") as answer:
        assert answer.status == 200
