"""An `activity-log up` in a process of its own, and who may start one."""

import os
import pwd
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg

from tests.support.processes import alive, command_line, free_port, kill, of_each, until
from web.cli.local import launch

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 200
READY = re.compile(r"Activity Log is ready:\s+(\S+)")
UP = [sys.executable, "-c", "from web.cli import main; main()", "up"]
NOHUP = ["/usr/bin/env", "nohup"]
# What stands in the command line of the first process of each.
MEMBERS = {
    "web": "web.serving",
    "worker": "worker@%h",
    "runtime": "runtime@%h",
    "scheduler": "worker.schedule",
    "Valkey": "valkey-server",
    "PostgreSQL": "postgres",
}
# What an ordinary user must reach in order to run our programs.
PROGRAMS = (ROOT, Path(sys.prefix), Path(sys.base_prefix))


def nobody() -> launch.User:
    """An ordinary user."""
    found = pwd.getpwnam("nobody")
    return launch.User(found.pw_uid, found.pw_gid)


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
                launch.command(
                    [*(NOHUP if nohup else ()), *UP], signal.SIGTERM, nobody() if as_nobody else None, PROGRAMS
                ),
                cwd=ROOT,
                env={
                    **inherited,
                    "DATA_DIR": str(folder),
                    "DEMO": "0",
                    "DOCKER_HOST": "none",
                    "PYTHONFAULTHANDLER": "1",
                    "PORT": self.port,
                    **environ,
                },
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # Whoever runs the tests may have said nohup.
                preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
            )

    def wait(self) -> "Running":
        """Until it says that it is ready."""
        self.until(lambda: bool(READY.search(self.printed)))
        return self

    def until(self, ready: Callable[[], bool], every: float = 0.1) -> None:
        """Wait until it is so. Raises TimeoutError with what it printed, at once when it has ended."""
        until(ready, self.log, lambda: self.process.poll() is not None, every)

    def status(self) -> int:
        """How it ended, once it has; where it stands, when it does not end."""
        try:
            return self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            self.process.wait()
            raise AssertionError(f"it does not end:\n{self.printed[-5000:]}") from None

    @property
    def printed(self) -> str:
        """What it printed so far."""
        return self.log.read_text()

    def kill_everything(self) -> None:
        """At once, itself first: nothing gets to tidy up."""
        kill(self.family())

    def member(self, name: str) -> psutil.Process | None:
        """The first process of one of MEMBERS; None while there is none."""
        for each in psutil.Process(self.process.pid).children():
            words = command_line(each)
            if MEMBERS[name] in words or (words and Path(words[0]).name == MEMBERS[name]):
                return each
        return None

    def family(self) -> list[psutil.Process]:
        """Itself and everything it started."""
        return [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]


def finish(started: list[Running], folder: Path) -> None:
    """Ask each to end; kill what is left of any."""
    for each in started:
        if each.process.poll() is None:
            each.process.send_signal(signal.SIGTERM)
            each.process.wait(PATIENCE_SECONDS)
    everybody = psutil.process_iter(["cmdline"])
    kill(each for each in everybody if str(folder) in " ".join(each.info["cmdline"] or ()))


def ended(processes: list[psutil.Process]) -> bool:
    """Whether all of them end, or are ended already."""
    return not alive(psutil.wait_procs(processes, timeout=PATIENCE_SECONDS)[1])


def signed_up(running: Running) -> int:
    """How many accounts its database has."""
    url = environment_of(running)["DATABASE_URL"]
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM users").fetchone()
    assert row
    return int(row[0])


def environment_of(running: Running) -> dict[str, str]:
    """What its web process was told."""
    told: list[dict[str, str]] = of_each(running.family(), psutil.Process.environ)
    for found in told:
        if "DATABASE_URL" in found:
            return found
    raise AssertionError("no process knows the database")
