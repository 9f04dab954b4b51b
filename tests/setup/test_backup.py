"""`activity-log backup` and `restore` over servers that are given, and over those of an `up`."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from zipfile import ZipFile

import click
import psycopg
import pytest

from models.log.proof.checkpoint import Checkpoint
from models.log.proof.note import Signer
from models.log.proof.tree import EMPTY_ROOT
from models.migrations import migrate
from models.sealed import fingerprints
from tests.setup.running import PATIENCE_SECONDS, UP, Running
from tests.setup.test_running import command
from tests.support.before import NEXT_ENTRY, database_of_before, empty_database
from tests.support.processes import environment
from tests.support.rows import rows, tables_of
from tests.support.servers import KEY, Servers
from web.cli.saved import programs
from web.cli.saved.contents import Contents

OTHER_KEY = "b3RoZXIga2V5IG90aGVyIGtleSBvdGhlciBrZXkgb3Q="


@pytest.fixture
def before(servers: Servers) -> Iterator[Servers]:
    """A database as the version before left it."""
    with database_of_before(servers, "to_be_saved") as made:
        yield made


@pytest.fixture
def empty(servers: Servers) -> Iterator[Servers]:
    """A database that holds nothing."""
    with empty_database(servers, "to_be_filled") as made:
        yield made


@pytest.fixture
def saved(before: Servers, tmp_path: Path) -> Path:
    """A backup of the former."""
    file = tmp_path / "activity-log.backup"
    status, printed = type_in(before, tmp_path, "backup", str(file))
    assert status == 0, printed
    return file


def type_in(servers: Servers, folder: Path, *words: str, **environ: str) -> tuple[int, str]:
    """What a command answers that was told of servers, and what it prints."""
    settings = servers.settings(folder)
    done = subprocess.run(  # noqa: S603 (our own program)
        [*UP[:-1], *words],
        env={**environment(settings), "DATABASE_OWNER_URL": settings.database_owner_url, **environ},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def held(servers: Servers) -> dict[str, list[tuple[object, ...]]]:
    """All that a database holds."""
    with psycopg.connect(servers.superuser_url) as connection:
        return rows(connection, tables_of(connection))


def rewrite(file: Path, **changed: object) -> None:
    """Have the backup say something else of itself."""
    with ZipFile(file) as opened:
        parts = {name: opened.read(name) for name in opened.namelist()}
    parts["contents.json"] = json.dumps(json.loads(parts["contents.json"]) | changed).encode()
    with ZipFile(file, "w") as changing:
        for name, content in parts.items():
            changing.writestr(name, content)


def test_a_backup_of_the_version_before_is_restored_and_brought_up_to_date_and_numbers_go_on(
    before: Servers, empty: Servers, saved: Path, tmp_path: Path
) -> None:
    status, printed = type_in(empty, tmp_path, "restore", str(saved))

    assert (status, held(empty)) == (0, held(before))
    assert "1 organisations with 3 entries" in printed
    assert "acme goes on from entry 4" in printed
    assert "of an earlier version (0003): `activity-log migrate`" in printed
    assert "those numbers will be given to other entries" in printed
    assert f"There is no {tmp_path / 'sealed'}" in printed
    assert "epoch new" not in printed
    assert type_in(empty, tmp_path, "migrate")[0] == 0
    with psycopg.connect(empty.database.url) as connection:
        assert connection.execute(NEXT_ENTRY.encode()).fetchall() == [(4,)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM activity_entries")


def test_a_backup_is_its_owners_alone_and_holds_neither_keys_nor_passwords(before: Servers, saved: Path) -> None:
    with ZipFile(saved) as opened:
        said = opened.read("contents.json").decode()
        contents = Contents.from_json(said)

    assert saved.stat().st_mode & 0o777 == 0o600
    assert contents.keys == {"k1": fingerprints(f"k1:{KEY}")["k1"]}
    assert (contents.owner.name, contents.app.name) == ("activity_log_owner", "activity_log_app")
    assert "lock_timeout=10s" in contents.app.limits
    with psycopg.connect(before.superuser_url) as connection:
        assert connection.execute("SELECT id::text FROM platform").fetchall() == [(contents.installation,)]
    passwords = [
        psycopg.conninfo.conninfo_to_dict(url)["password"] for url in (before.database.url, before.database.owner_url)
    ]
    assert [each for each in (KEY, *passwords) if str(each) in said] == []


def test_a_backup_replaces_no_file(before: Servers, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")

    assert type_in(before, tmp_path, "backup", str(tmp_path / "kept"))[0] == 1
    assert (tmp_path / "kept").read_text() == "kept"


def test_a_database_that_is_not_empty_is_left_alone(before: Servers, saved: Path, tmp_path: Path) -> None:
    old = held(before)
    status, printed = type_in(before, tmp_path, "restore", str(saved))

    assert (status, held(before)) == (1, old)
    assert "to_be_saved is not empty" in printed
    assert "move that one's folder postgresql away" in printed


@pytest.mark.parametrize("keys", [f"k2:{KEY}", f"k1:{OTHER_KEY}"])
def test_missing_keys_are_named_by_their_fingerprints(empty: Servers, saved: Path, tmp_path: Path, keys: str) -> None:
    status, printed = type_in(empty, tmp_path, "restore", str(saved), ENCRYPTION_KEYS=keys)

    assert (status, held(empty)) == (1, {})
    assert f"k1 ({fingerprints(f'k1:{KEY}')['k1']})" in printed
    assert type_in(empty, tmp_path, "restore", "--without-keys", str(saved), ENCRYPTION_KEYS=keys)[0] == 0


def test_a_restore_says_how_the_worker_can_notice_that_the_log_went_back(
    before: Servers, empty: Servers, tmp_path: Path
) -> None:
    sealed, file = tmp_path / "sealed", tmp_path / "of-sealed.backup"
    signer = Signer("an-installation/meta/1", bytes(32))
    notes = {size: str(Checkpoint(signer.name, size, EMPTY_ROOT).signed(signer)) for size in (1, 2)}
    migrate(before.database.owner_url, "activity_log_app")
    with psycopg.connect(before.superuser_url) as connection:
        connection.execute("INSERT INTO activity_epochs (epoch, leaf) VALUES (1, '{}')")
        connection.execute(
            "INSERT INTO activity_checkpoints (organisation_id, epoch, size, root, note) VALUES (0, 1, 1, %s, %s)",
            (EMPTY_ROOT, notes[1]),
        )
    status, printed = type_in(before, tmp_path, "backup", str(file))
    assert (status, f"The file {sealed} of the machine with the worker" in printed) == (0, True)

    status, without = type_in(empty, tmp_path, "restore", str(file))
    assert status == 0, without
    assert f"There is no {sealed}, without which nobody notices" in without
    assert "copy it from the old machine; where that is lost, run `activity-log epoch new" in without

    said = {}
    for size, note in notes.items():
        sealed.write_text(note)
        with psycopg.connect(empty.superuser_url, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public AUTHORIZATION activity_log_owner")
        status, said[size] = type_in(empty, tmp_path, "restore", str(file))
        assert status == 0, said[size]

    assert "sealed" not in said[1]
    assert f"{sealed} knows of later entries: nothing is sealed before `activity-log epoch new" in said[2]


def test_what_is_lost_is_told_when_the_database_that_is_replaced_can_be_asked(
    before: Servers, empty: Servers, saved: Path, tmp_path: Path
) -> None:
    migrate(before.database.owner_url, "activity_log_app")
    with psycopg.connect(before.database.url) as connection:
        for _ in range(2):
            connection.execute(NEXT_ENTRY.encode())
    printed = type_in(empty, tmp_path, "restore", "--instead-of", before.database.url, str(saved))[1]

    assert "acme: 2 entries, 4 to 5" in printed


def test_a_backup_replaces_no_link_that_leads_nowhere(before: Servers, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")

    assert type_in(before, tmp_path, "backup", str(tmp_path / "link"))[0] == 1
    assert (tmp_path / "link").is_symlink()


def test_a_file_with_too_long_a_name_cannot_be_written_in_one_sentence(before: Servers, tmp_path: Path) -> None:
    status, printed = type_in(before, tmp_path, "backup", "x" * 300)

    assert (status, printed.count("\n")) == (1, 1)
    assert "cannot be written: File name too long." in printed


ODD = "\x1b]0;owned\x07\r\u202e\ud800\x9b31m"


@pytest.mark.parametrize(
    "odd",
    [
        {"version": ODD, "schema": ODD},
        {"schema": f"9999{ODD}"},
        {"format": 2, "version": ODD},
        {"keys": {ODD: ODD}},
        {"app": [ODD, []]},
        {"made_at": ODD, "installation": ODD, "logs": [[1, ODD, 3]], "owner": [ODD, [f"{ODD}={ODD}"]]},
    ],
    ids=lambda odd: ", ".join(odd),
)
def test_what_a_backup_says_of_itself_does_nothing_to_a_terminal(
    empty: Servers, saved: Path, tmp_path: Path, odd: dict[str, object]
) -> None:
    rewrite(saved, **odd)
    _, printed = type_in(empty, tmp_path, "restore", str(saved))

    assert [each for each in printed if not each.isprintable() and each != "\n"] == []
    assert r"\x1b]0;owned" in printed


def test_what_is_to_be_pasted_into_psql_is_one_statement(empty: Servers, saved: Path, tmp_path: Path) -> None:
    rewrite(saved, app=["activity_log_app", ["lock_timeout=7s'; DROP TABLE users; --", "a; b=1"]])
    printed = type_in(empty, tmp_path, "restore", str(saved))[1]

    assert "ALTER ROLE activity_log_app SET lock_timeout = '7s''; DROP TABLE users; --';" in printed
    assert "ALTER ROLE activity_log_app SET \"a; b\" = '1';" in printed


@pytest.mark.parametrize("damage", ["half", "changed", "other"])
def test_a_file_that_is_not_whole_is_refused_and_nothing_is_restored(
    empty: Servers, saved: Path, tmp_path: Path, damage: str
) -> None:
    content = saved.read_bytes()
    middle = len(content) // 2
    saved.write_bytes(
        {"half": content[:middle], "changed": content[:middle] + b"x" * 9 + content[middle + 9 :], "other": b"x"}[
            damage
        ]
    )
    status, printed = type_in(empty, tmp_path, "restore", str(saved))

    assert (status, held(empty)) == (1, {})
    assert "is damaged" in printed or "is not a backup" in printed


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"schema": "9999"}, "was made by a newer version"),
        ({"server": 99}, "The backup is of PostgreSQL 99"),
        ({"app": ["someone", []]}, "gives its rights to the role someone"),
        ({"program": 99}, "pg_restore of PostgreSQL 99 or newer is needed"),
    ],
)
def test_what_cannot_be_restored_here_is_told_with_what_to_do(
    empty: Servers, saved: Path, tmp_path: Path, changed: dict[str, object], told: str
) -> None:
    rewrite(saved, **changed)
    status, printed = type_in(empty, tmp_path, "restore", str(saved))

    assert (status, held(empty)) == (1, {})
    assert told in printed


def test_limits_that_the_roles_had_and_have_not_are_told(empty: Servers, saved: Path, tmp_path: Path) -> None:
    rewrite(saved, app=["activity_log_app", ["statement_timeout=7s"]])

    assert (
        "ALTER ROLE activity_log_app SET statement_timeout = '7s';"
        in type_in(empty, tmp_path, "restore", str(saved))[1]
    )


def test_a_database_of_a_newer_version_is_told_to_whoever_migrates(before: Servers, tmp_path: Path) -> None:
    with psycopg.connect(before.superuser_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    status, printed = type_in(before, tmp_path, "migrate")

    assert status == 1
    assert printed.startswith("Error: This database was made by a newer version (its schema is 9999, ")


def test_a_program_is_of_the_servers_version_or_else_the_next_newer_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for major in (97, 99):
        folder = tmp_path / str(major)
        folder.mkdir()
        (folder / "pg_dump").write_text(f"#!/bin/sh\necho 'pg_dump (PostgreSQL) {major}.1 (Debian)'\n")
        (folder / "pg_dump").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / '99'}:{tmp_path / '97'}:/usr/bin:/bin")

    assert programs.fitting("pg_dump", least=97, best=97).path == tmp_path / "97" / "pg_dump"
    assert programs.fitting("pg_dump", least=98, best=98).major == 99
    with pytest.raises(click.ClickException, match="postgresql-client-100"):
        programs.fitting("pg_dump", least=100, best=100)


def test_a_password_is_on_no_command_line() -> None:
    reached, environ = programs.reaching("postgresql://owner:a%20secret@db.example.com:5433/log?sslmode=require")

    assert "secret" not in reached
    assert "sslmode=require" in reached
    assert environ["PGPASSWORD"] == "a secret"


def test_an_installation_moves_to_another_folder_with_its_accounts_and_its_keys(
    up: Callable[..., Running], tmp_path: Path
) -> None:
    old = up(tmp_path / "old", DEMO="1").wait()
    beside = command(old.folder, "backup", str(tmp_path / "beside"))
    old.process.terminate()
    assert old.status() == 0
    alone = command(old.folder, "backup", str(tmp_path / "alone"))
    new = tmp_path / "new"
    without = command(new, "restore", str(tmp_path / "alone"))
    shutil.copy(old.folder / "secrets.json", new)
    restored = command(new, "restore", str(tmp_path / "alone"))
    again = command(new, "restore", str(tmp_path / "alone"))
    moved = up(new, DEMO="1", log=tmp_path / "moved.log").wait()
    second = command(new, "backup", str(tmp_path / "moved"))

    assert (beside.returncode, alone.returncode, restored.returncode) == (0, 0, 0), restored.stderr
    assert "ENCRYPTION_KEYS has not the keys" in without.stderr
    assert "is not empty" in again.stderr
    assert "Demo sign-in" not in moved.printed
    assert f"There is no {new / 'sealed'}" in restored.stdout
    assert second.stdout.replace("moved", "alone").replace(str(new), str(old.folder)) == alone.stdout


def test_without_data_there_is_nothing_to_save(tmp_path: Path) -> None:
    refused = command(tmp_path / "nowhere", "backup", str(tmp_path / "file"))

    assert refused.stderr == (
        f"Error: DATABASE_URL is not set, and there is no data of `activity-log up` in {tmp_path / 'nowhere'}.\n"
    )
