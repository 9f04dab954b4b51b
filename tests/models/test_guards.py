"""What whoever holds the application's password cannot do: PostgreSQL refuses, whatever our code says."""

import json

import psycopg
import pytest

from models.log.actor import Actor
from models.log.leaves import leaves
from models.organisation import Organisation
from models.settings import Settings
from models.transaction import transaction
from tests.support.log import entries

ENTRY = "organisation_id, number, resource_id, action, resource_type, door, resource_name, summary"
FORGED = "1, 'update', 'organisation', 'web', 'x', 'x'"
CALL = """SELECT write_entries({organisation}, {ids}, {names}, NULL, 'x', NULL, 'web', 'update', 'container', NULL,
                               NULL, '', '', {changed}, {cause}, 'x', {spoken_ids}, {spoken_names})"""
ONE = {"organisation": 1, "ids": "ARRAY[7]::bigint[]", "names": "ARRAY['x']", "cause": "NULL"} | dict.fromkeys(
    ("spoken_ids", "spoken_names", "changed"), "NULL"
)

NOT_WHOLE = ("1.5", "1.0", "9007199254740992", "-9007199254740992", "1e400", "1e-400", "0.1000000000000000055")
"""Numbers that other readers of JSON would not read as PostgreSQL does."""


@pytest.mark.parametrize(
    "statement",
    [
        f"INSERT INTO activity_entries ({ENTRY}) VALUES (1, 5, {FORGED})",
        f"INSERT INTO activity_entries ({ENTRY}) VALUES (1, 99, {FORGED})",
        f"INSERT INTO activity_entries ({ENTRY}) VALUES (1, 0, {FORGED})",
        f"INSERT INTO activity_entries ({ENTRY}) VALUES (1, -7, {FORGED})",
        f"INSERT INTO activity_entries ({ENTRY}) VALUES (4711, 1, {FORGED})",
        f"INSERT INTO activity_entries ({ENTRY}, occurred_at) VALUES (1, 5, {FORGED}, '2020-01-01')",
        "UPDATE activity_heads SET last_number = 9223372036854775807",
        "UPDATE activity_heads SET last_number = last_number + 1",
        "INSERT INTO activity_heads (organisation_id, last_number) VALUES (4711, 7)",
        "INSERT INTO activity_runs VALUES (1, 1, 4, 1, NULL, '{\"deleted container\": 4}')",
        "UPDATE activity_runs SET tally = '{}'",
        "INSERT INTO activity_people (organisation_id, user_id, name, salt, commitment) "
        "VALUES (1, 1, 'x', sha256('x'), sha256('x'))",
        "UPDATE activity_people SET name = 'Mallory'",
        "UPDATE activity_people SET name = NULL, salt = NULL, erased_as = '7f3a'",
        "DELETE FROM activity_people",
        "SELECT person_of(1, 1, 'Mallory')",
        "INSERT INTO ledger (organisation_id, at, kind, amount_cents, balance_after_cents, description) "
        "VALUES (1, '2020-01-01', 'top_up', 1, 1, 'x')",
        "UPDATE ledger SET amount_cents = 0",
        "DELETE FROM usage_changes",
        "UPDATE usage_changes SET taken_at = now()",
        "INSERT INTO usage_changes (organisation_id, at, cpu_millicores, memory_mib, cache_mib) "
        "VALUES (1, '2020-01-01', 1, 1, 1)",
        "UPDATE payments SET amount_cents = 1",
        "ALTER ROLE activity_log_app SUPERUSER",
        "SET ROLE activity_log_owner",
        "CREATE TABLE public.mine (id integer)",
        "CREATE TEMPORARY TABLE activity_entries (LIKE public.activity_entries)",
        "ALTER FUNCTION write_entries OWNER TO activity_log_app",
    ],
)
def test_the_application_s_role_is_refused(acme: Organisation, settings: Settings, statement: str) -> None:
    with psycopg.connect(settings.database_url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement.encode())

    assert [each.number for each in entries(acme)] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "wrong",
    [
        {"organisation": 4711},  # no head
        {"cause": 5},  # itself
        {"cause": 99},
        {"cause": 0},
        {"cause": -1},
        {"ids": "'{}'::bigint[]", "names": "'{}'::text[]"},
        {"ids": "NULL"},
        {"names": "ARRAY['x', 'y']"},
        {"names": "ARRAY[NULL]::text[]"},
        {"spoken_ids": "ARRAY[1]"},
        {"spoken_ids": "ARRAY[1, 2]", "spoken_names": "ARRAY['x']"},
        {"spoken_ids": "ARRAY[1]", "spoken_names": "ARRAY[NULL]::text[]"},
        {"spoken_ids": "ARRAY[1]", "spoken_names": "ARRAY[chr(26) || '1']"},
        {"ids": "ARRAY[9007199254740992]"},
        {"ids": "ARRAY[-9007199254740992]"},
        *({"changed": f"""'{{"a": [1, {{"b": [{number}]}}]}}'"""} for number in NOT_WHOLE),
        {"changed": f"""'{"[" * 17}{"]" * 17}'"""},
    ],
)
def test_the_door_in_takes_no_entry_that_cannot_be(
    acme: Organisation, ada: Actor, settings: Settings, wrong: dict[str, object]
) -> None:
    with psycopg.connect(settings.database_url) as connection, pytest.raises(psycopg.Error):
        connection.execute(CALL.format(**ONE | wrong).encode())
    with transaction():
        acme.create_project(ada, name="Web", handle="web")

    assert [each.number for each in entries(acme)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "changed",
    [
        '{"a": [0, -1, 9007199254740991, -9007199254740991]}',
        '{"a": ["1.5", "1e400", null, true], "2.5": [[], {}]}',
        '{"a": [1e3, -0]}',  # kept as 1000 and 0
        f'{{"a": {"[" * 14}7{"]" * 14}}}',
    ],
)
def test_the_door_in_takes_what_can_be_sealed(acme: Organisation, settings: Settings, changed: str) -> None:
    with psycopg.connect(settings.database_url) as connection:
        connection.execute(CALL.format(**ONE | {"changed": f"'{changed}'"}).encode())
    [*_, last] = leaves(acme.id, 5, 5)

    assert json.loads(last)["changes"] == json.loads(changed)


def test_the_door_in_hands_out_the_next_number_whoever_calls_it(acme: Organisation, settings: Settings) -> None:
    with psycopg.connect(settings.database_url) as connection:
        assert connection.execute(CALL.format(**ONE).encode()).fetchall() == [(5,)]

    assert [each.number for each in entries(acme)] == [1, 2, 3, 4, 5]
