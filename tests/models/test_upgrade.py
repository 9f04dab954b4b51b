"""A database of the version before is brought up to date without losing a row, a value or a right that is needed."""

from collections.abc import Iterator

import psycopg
import pytest

from models.migrations import migrate
from tests.support.before import NEXT_ENTRY, TOP_UPS, database_of_before
from tests.support.rows import rows, tables_of
from tests.support.servers import Servers


@pytest.fixture
def before(servers: Servers) -> Iterator[Servers]:
    """A database as the version before left it."""
    with database_of_before(servers) as made:
        yield made


def test_an_upgrade_keeps_every_row_and_every_value(before: Servers) -> None:
    with psycopg.connect(before.superuser_url, autocommit=True) as connection:
        tables = tables_of(connection)
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
