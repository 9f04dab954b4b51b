"""A database of the version before is brought up to date without losing a row, a value or a right that is needed."""

from collections.abc import Iterator

import psycopg
import pytest

from models.log.spoken import actor, told
from models.migrations import migrate
from tests.support.before import NEXT_ENTRY, PEOPLE, TOP_UPS, database_of_before
from tests.support.rows import rows, tables_of
from tests.support.servers import Servers

READ = """number, occurred_at, resource_id, cause_number, actor_id, project_id, action, resource_type, door, actor_role,
          project_name, resource_name, summary, changes"""
TOLD = f"""
    SELECT {READ.replace("resource_name, summary, changes", "")} {told("resource_name")}, {told("summary")},
           {told("changes")}, {actor()} FROM activity_entries AS entry ORDER BY number"""


@pytest.fixture
def before(servers: Servers) -> Iterator[Servers]:
    """A database as the version before left it."""
    with database_of_before(servers) as made:
        yield made


def test_an_upgrade_keeps_every_row_and_every_value(before: Servers) -> None:
    with psycopg.connect(before.superuser_url, autocommit=True) as connection:
        # Who acted is named apart from the log since 0020, which has a test of its own.
        tables = [
            (table, [each for each in columns if each != "actor_name"]) for table, columns in tables_of(connection)
        ]
        old = rows(connection, tables)
    migrate(before.database.owner_url, "activity_log_app")
    with psycopg.connect(before.superuser_url, autocommit=True) as connection:
        new = rows(connection, tables)

    empty = {"memcached", "registries"}
    assert {table for table, found in old.items() if not found} == empty
    # What exists and was never seen running is taken off what is counted; what was counted before stays.
    new["usage_changes"], taken_off = old["usage_changes"], new["usage_changes"][len(old["usage_changes"]) :]
    assert [row[3:] for row in taken_off] == [(-250, -256, 0)]
    assert new == old


def test_after_an_upgrade_the_application_writes_on_from_the_old_numbers(before: Servers) -> None:
    migrate(before.database.owner_url, "activity_log_app")
    with psycopg.connect(before.database.url) as connection:
        assert connection.execute(NEXT_ENTRY.encode()).fetchall() == [(4,)]
        assert connection.execute("SELECT cpu_millicores FROM take_usage(1, now() + interval '1 h')").fetchall() == [
            (250,),
            (-250,),
        ]


def test_an_upgrade_names_the_entry_of_a_top_up_where_there_is_one_that_must_be_it(before: Servers) -> None:
    migrate(before.database.owner_url, "activity_log_app", "0016")
    with psycopg.connect(before.superuser_url) as filling:
        filling.execute(TOP_UPS.encode())
    migrate(before.database.owner_url, "activity_log_app")
    with psycopg.connect(before.superuser_url) as connection:
        found = connection.execute("SELECT description, entry_number FROM ledger ORDER BY id").fetchall()

    assert [number for _, number in found] == [None, 4, 6, None, None, None]


def test_an_upgrade_takes_the_names_of_people_out_of_the_log_and_every_entry_reads_as_before(before: Servers) -> None:
    migrate(before.database.owner_url, "activity_log_app", "0019")
    with psycopg.connect(before.superuser_url) as connection:
        connection.execute(PEOPLE.encode())
        old = connection.execute(f"SELECT {READ}, actor_name FROM activity_entries ORDER BY number".encode()).fetchall()
    migrate(before.database.owner_url, "activity_log_app")
    with psycopg.connect(before.superuser_url) as connection:
        new = connection.execute(TOLD.encode()).fetchall()
        raw = str(connection.execute("SELECT * FROM activity_entries").fetchall())
        names = connection.execute("SELECT name FROM activity_names ORDER BY 1").fetchall()

    assert len(old) == 3 + 13
    assert new == old
    assert [each for each in ("Ada", "Grace", "Hopper", "Vera", "@") if each in raw] == []
    assert names == [("Acme",), ("Web",), ("api",)]


def test_an_upgrade_knows_whose_names_and_addresses_they_are(before: Servers) -> None:
    migrate(before.database.owner_url, "activity_log_app", "0019")
    with psycopg.connect(before.superuser_url) as connection:
        connection.execute(PEOPLE.encode())
    migrate(before.database.owner_url, "activity_log_app")
    with psycopg.connect(before.superuser_url) as connection:
        known = connection.execute("SELECT user_id, name FROM activity_people ORDER BY user_id, name").fetchall()
        wrong = connection.execute("""
            SELECT name FROM activity_people WHERE commitment <> sha256(salt || convert_to(name, 'UTF8'))""").fetchall()

    assert known == [
        (1, "Ada Lovelace"),
        (2, "Grace Hopper"),
        (2, "Grace M. Hopper"),
        (2, "grace@example.com"),
        (2, "rear@example.com"),
        (3, "Vera invited by Ada"),
        (None, "User"),
        (None, "grace@example.com"),
        (None, "nobody@example.com"),
    ]
    assert wrong == []
