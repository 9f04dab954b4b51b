"""`activity-log erase` and `erasures`, as an operator types them; and a restore, which erases again."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from models.log.actor import Actor
from models.organisation import Organisation
from models.people.member import find_member
from models.people.user import User
from models.settings import Settings
from models.transaction import transaction
from tests.support.before import empty_database
from tests.support.log import latest_entry, summaries
from tests.support.processes import environment
from tests.support.servers import Servers

PATIENCE_SECONDS = 300
WHY = ("--reason", "their request")


def type_in(settings: Settings, *command: str) -> tuple[int, str]:
    """What a command answers, and what it prints."""
    done = subprocess.run(  # noqa: S603 (our own program)
        [sys.executable, "-c", "from web.cli import main; main()", *command],
        env={**environment(settings), "DATABASE_OWNER_URL": settings.database_owner_url},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def told(settings: Settings, tmp_path: Path) -> Settings:
    """The settings, with a list of erasures of the test's own."""
    return replace(settings, erasures_file=str(tmp_path / "erasures.jsonl"))


@pytest.fixture
def vera(acme: Organisation, ada: Actor, people: dict[str, User]) -> User:
    """Someone who was removed."""
    with transaction():
        find_member(acme.id, people["vera"].id).remove(ada)
    return people["vera"]


def test_a_former_member_is_erased_and_the_list_says_so_without_a_name(
    told: Settings, acme: Organisation, vera: User
) -> None:
    status, printed = type_in(told, "erase", "vera@example.com", *WHY)
    [line] = Path(told.erasures_file).read_text().splitlines()
    listed = json.loads(line)

    assert (status, "in 1 organisations and the account" in printed) == (0, True)
    assert f"They are shown as erased person {listed['erased_as']}." in printed
    assert (listed["organisation"], listed["user"], listed["account"]) == (acme.id, vera.id, True)
    assert datetime.fromisoformat(listed["at"]) < datetime.now(UTC)
    assert [each for each in ("Vera", "vera", "Rubin") if each in line] == []
    assert summaries(acme)[-1] == (
        f"Personal data of a former member erased: erased person {listed['erased_as']} from now on"
    )
    assert latest_entry(acme).changes == {"reason": [None, "their request"]}


def test_the_list_can_be_printed_at_any_time(told: Settings, vera: User) -> None:
    type_in(told, "erase", str(vera.id), *WHY, "--org", "acme")
    first, printed = (
        json.loads(each) for each in (Path(told.erasures_file).read_text(), type_in(told, "erasures", "list")[1])
    )

    assert {**printed, "at": ""} == {**first, "at": ""}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("vera@example.com", "--org", "nobody"), "There is no organisation with the handle nobody."),
        (("grace@example.com",), "They are still a member of acme: remove them first."),
        (("nobody@example.com",), "Neither an account nor the log knows nobody@example.com."),
        (("4711",), "There is and was no account 4711."),
    ],
)
def test_what_cannot_be_erased_is_said_in_one_line(
    told: Settings, vera: User, words: tuple[str, ...], why: str
) -> None:
    assert type_in(told, "erase", *words, *WHY) == (1, f"Error: {why}\n")
    assert not Path(told.erasures_file).exists()


def test_a_list_that_cannot_be_written_is_said_and_the_erasure_stays(
    settings: Settings, acme: Organisation, vera: User, tmp_path: Path
) -> None:
    nowhere = replace(settings, erasures_file=str(tmp_path / "missing" / "list"))
    status, printed = type_in(nowhere, "erase", str(vera.id), *WHY)

    assert (status, "It is done, but" in printed) == (1, True)
    assert "Vera" not in str(summaries(acme))


def test_a_restore_erases_again_what_was_erased_after_the_backup(
    told: Settings, servers: Servers, acme: Organisation, vera: User, tmp_path: Path
) -> None:
    backup = str(tmp_path / "saved")
    status, printed = type_in(told, "backup", backup)
    assert status == 0, printed
    assert type_in(told, "erase", str(vera.id), *WHY)[0] == 0
    with empty_database(servers, "erased_again") as other:
        new = replace(told, database_url=other.database.url, database_owner_url=other.database.owner_url)
        status, printed = type_in(new, "restore", backup)
        with psycopg.connect(other.superuser_url) as connection:
            left = str(connection.execute("SELECT * FROM activity_people").fetchall())
            left += str(connection.execute("SELECT * FROM users").fetchall())

    assert (status, "Erased again what 1 of 1 lines" in printed) == (0, True), printed
    assert "Vera" not in left
    assert "vera@" not in left
    assert "Ada Lovelace" in left


def test_whoever_is_a_member_again_in_the_backup_is_named(
    told: Settings, servers: Servers, acme: Organisation, people: dict[str, User], ada: Actor, tmp_path: Path
) -> None:
    backup = str(tmp_path / "saved")
    status, printed = type_in(told, "backup", backup)
    assert status == 0, printed
    with transaction():
        find_member(acme.id, people["vera"].id).remove(ada)
    assert type_in(told, "erase", "vera@example.com", *WHY)[0] == 0
    with empty_database(servers, "member_again") as other:
        new = replace(told, database_url=other.database.url, database_owner_url=other.database.owner_url)
        status, printed = type_in(new, "restore", backup)

        assert status == 0
        assert "They are still a member of acme: remove them first." in printed
        assert type_in(new, "erasures", "apply")[0] == 1
