"""The platform as an operator runs it, on servers of its own, with everything started again that dies."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import flask
import psycopg
from redis import Redis
from redis.exceptions import RedisError

from models import database, sealed
from models.migrations import migrate
from models.settings import Settings
from tests.support.processes import environment, until
from tests.support.servers import Servers
from web.cli.local import embedded
from web.cli.local.server import Server
from worker import hint

PATIENCE_SECONDS = 200
# As systemd waits before it starts again what has died.
RESTART_SECONDS = 0.5


class Member:
    """A process that is started again when it dies, until it is told to stay down."""

    def __init__(self, start: Callable[[], subprocess.Popen[bytes]], process: subprocess.Popen[bytes] | None = None):
        self._start = start
        self.process = process or start()
        self.down = False

    @property
    def children(self) -> list[int]:
        """The processes that it has started."""
        try:
            return [
                int(pid)
                for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
            ]
        except OSError:
            return []

    def kill(self) -> None:
        """With everything it has started, at once."""
        _signal_group(self.process.pid, signal.SIGKILL)

    def signal(self, how: signal.Signals) -> None:
        """Send a signal, such as SIGSTOP, to it and to everything it has started."""
        _signal_group(self.process.pid, how)

    def watch(self) -> None:
        """Start it again when it has died."""
        if not self.down and self.process.poll() is not None:
            time.sleep(RESTART_SECONDS)
            self.process = self._start()

    def end(self) -> None:
        """For good."""
        self.down = True
        self.signal(signal.SIGCONT)
        self.kill()
        self.process.wait(PATIENCE_SECONDS)


class Fleet:
    """Servers, workers and scheduler, by name."""

    def __init__(self, settings: Settings, superuser_url: str, servers: dict[str, Member], logs: Path) -> None:
        self.settings, self.superuser_url, self._logs = settings, superuser_url, logs
        self.members = dict(servers)
        self._ending = threading.Event()
        self._watchers = [threading.Thread(target=self._watch, args=(name,), daemon=True) for name in servers]
        for each in self._watchers:
            each.start()
        self.app = flask.Flask("chaos")
        for module in (sealed, database, hint):
            module.attach(self.app, settings)

    def launch(self, name: str, *command: str) -> Member:
        """A subcommand of `activity-log`, watched from now on."""
        return self.python(name, "-c", "from web.cli import main; main()", *command)

    def python(self, name: str, *words: str) -> Member:
        """A program of Python, told what the product is told, watched from now on."""

        def start() -> subprocess.Popen[bytes]:
            with (self._logs / f"{name}.log").open("ab") as out:
                return subprocess.Popen(  # noqa: S603
                    [sys.executable, *words],
                    env=environment(self.settings, 8000),
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )

        self.members[name] = Member(start)
        watcher = threading.Thread(target=self._watch, args=(name,), daemon=True)
        self._watchers.append(watcher)
        watcher.start()
        return self.members[name]

    def workers(self, *names: str, concurrency: int = 2) -> None:
        """Worker processes of so many children each, ready for work."""
        for name in names:
            self.launch(name, "worker", "--concurrency", str(concurrency), "--log-level", "info")
        for log in (self._logs / f"{name}.log" for name in names):
            until(partial(_is_ready, log), log)

    def flush_broker(self) -> None:
        """Everything that was in it is lost; nothing, when it is down."""
        try:
            Redis.from_url(self.settings.redis_url, socket_timeout=1).flushall()
        except RedisError:
            return

    def ask(self, query: str) -> list[tuple[object, ...]]:
        """Asked of PostgreSQL, however long it takes to come back."""
        return self.patiently(lambda connection: connection.execute(query.encode()).fetchall())

    def patiently(self, what: Callable[["psycopg.Connection"], list[tuple[object, ...]]]) -> list[tuple[object, ...]]:
        """Do anything that a superuser may do, however long PostgreSQL takes to come back."""
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                with psycopg.connect(self.superuser_url, autocommit=True, connect_timeout=2) as connection:
                    return what(connection)
            except psycopg.OperationalError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def wait(self, query: str, expected: object, seconds: float) -> float:
        """Until the query answers as expected; how many seconds that took. Raises TimeoutError."""
        begin = time.monotonic()
        while (found := self.ask(query)) != expected:
            if time.monotonic() - begin > seconds:
                raise TimeoutError(f"after {seconds} s: {found}")
            time.sleep(0.05)
        return time.monotonic() - begin

    def end(self) -> None:
        """Everything, for good; the servers last."""
        for each in self.members.values():
            each.down = True
        self._ending.set()
        for watcher in self._watchers:
            watcher.join(PATIENCE_SECONDS)
        for each in reversed(self.members.values()):
            each.end()

    def _watch(self, name: str) -> None:
        while not self._ending.wait(0.05):
            self.members[name].watch()


@contextmanager
def fleet(folder: Path) -> Iterator[Fleet]:
    """Servers of its own with an empty platform; workers and scheduler are launched by whoever needs them."""
    kept = embedded.Secrets.kept_in(folder)
    started: list[Server] = []
    with ExitStack() as stack:
        # Not as fast as other tests want it: what was committed must be there after a kill -9.
        database = stack.enter_context(embedded.postgresql(folder, kept, started=started.append))
        redis_url = stack.enter_context(embedded.valkey(folder, kept, started=started.append))
        data = folder / "data"
        data.mkdir()
        settings = Servers(database, redis_url).settings(data)
        migrate(settings.database_owner_url, "activity_log_app")
        servers = {each.name: Member(_again(each), each.process) for each in started}
        running = Fleet(settings, database.superuser_url, servers, folder)
        try:
            yield running
        finally:
            running.end()


def _again(server: Server) -> Callable[[], subprocess.Popen[bytes]]:
    """Returns what starts the server over its old data, on its old port; a start that is refused may be tried again."""

    def start() -> subprocess.Popen[bytes]:
        with server.log.open("ab") as out:
            return subprocess.Popen(  # noqa: S603
                server.process.args, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True, cwd="/"
            )

    return start


def _is_ready(log: Path) -> bool:
    return " ready." in log.read_text()


def _signal_group(pid: int, how: signal.Signals) -> None:
    try:
        os.killpg(pid, how)
    except ProcessLookupError:
        return
