"""A database of the version before is brought up to date without losing a row, a value or a right that is needed."""

from collections.abc import Iterator
from dataclasses import astuple
from typing import Any

import psycopg
import pytest
from psycopg import sql

from models.migrations import migrate
from tests.support.servers import Servers
from web.cli.local.embedded import Database

DATABASE = "of_the_version_before"
BEFORE = "0003"
# One of everything, as that version wrote it.
FILLED = """
    INSERT INTO users (email, name, password_hash) VALUES ('ada@example.com', 'Ada Lovelace', 'x');
    INSERT INTO organisations (handle, name, email, state, version)
        VALUES ('acme', 'Acme', 'a@example.com', 'active', 1);
    INSERT INTO memberships (organisation_id, user_id, role, version) VALUES (1, 1, 'owner', 1);
    INSERT INTO invitations (organisation_id, email, role, token_hash, invited_by, expires_at, used_at) VALUES
        (1, 'open@example.com', 'member', '\\x01', 'Ada Lovelace', now() + interval '1 day', NULL),
        (1, 'used@example.com', 'viewer', '\\x02', 'Ada Lovelace', now() + interval '1 day', now());
    INSERT INTO projects (organisation_id, handle, name, state, version) VALUES (1, 'web', 'Web', 'active', 1);
    INSERT INTO containers (organisation_id, project_id, handle, name, state, version, image, port, health_path,
                            cpu_millicores, memory_mib, environment, secrets)
        VALUES (1, 1, 'api', 'api', 'active', 1, 'nginx:1.28', 80, '', 250, 256, '', '{}');
    INSERT INTO secrets (organisation_id, project_id, handle, state, version, value)
        VALUES (1, 1, 'token', 'active', 1, 'sealed');
    INSERT INTO activity_heads (organisation_id, last_number) VALUES (1, 3);
    INSERT INTO activity_entries (organisation_id, number, resource_id, cause_number, actor_id, action, resource_type,
                                  door, actor_name, resource_name, summary)
        VALUES (1, 1, 1, NULL, 1, 'create', 'organisation', 'web', 'Ada Lovelace', 'Acme', 'Organisation Acme created'),
               (1, 2, 1, NULL, 1, 'create', 'project', 'web', 'Ada Lovelace', 'Web', 'Project Web created'),
               (1, 3, 1, 2, NULL, 'create', 'container', 'worker', 'system', 'api', 'Container api created');
    INSERT INTO activity_runs VALUES (1, 3, 3, 2, NULL, '{"created container": 1}');
    INSERT INTO billing_accounts (organisation_id, auto_top_up, threshold_cents, amount_cents, version, balance_cents)
        VALUES (1, false, 1000, 5000, 1, 700);
    INSERT INTO payment_methods (organisation_id, brand, last_four, expiry_month, expiry_year, is_default, version)
        VALUES (1, 'Visa', '4242', 1, 2099, true, 1);
    INSERT INTO ledger (organisation_id, kind, amount_cents, balance_after_cents, description)
        VALUES (1, 'top_up', 700, 700, 'Top-up');
    INSERT INTO usage_changes (organisation_id, cpu_millicores, memory_mib, cache_mib) VALUES (1, 250, 256, 0);
    INSERT INTO payments (organisation_id, id, method_id, amount_cents, state, actor_name, door)
        VALUES (1, gen_random_uuid(), 1, 700, 'asked', 'system', 'worker');
    INSERT INTO suspensions (organisation_id, by, reason, began_at, ended_at) VALUES (1, 'balance', 'x', now(), now());
    INSERT INTO jobs (organisation_id, work, cause_number) VALUES (1, 'delete_project', 2);
    INSERT INTO deployments (organisation_id, noun, resource_id, revision, what, cause_number)
        VALUES (1, 'container', 1, 1, 'nginx:1.28', 3);
"""
TABLES = """
    SELECT relname, array_agg(attname ORDER BY attnum) FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
     WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
       AND relname <> 'alembic_version'
     GROUP BY relname ORDER BY relname
"""


@pytest.fixture
def before(servers: Servers) -> Iterator[Servers]:
    """A database as the version before left it, with one of everything in it."""
    name, owner = sql.Identifier(DATABASE), sql.Identifier("activity_log_owner")
    with psycopg.connect(servers.superuser_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, owner))
        urls = (f"{url.rpartition('/')[0]}/{DATABASE}" for url in astuple(servers.database))
        made = Servers(Database(*urls), servers.redis_url)
        migrate(made.database.owner_url, "activity_log_app", BEFORE)
        with psycopg.connect(made.superuser_url) as filling:
            filling.execute(FILLED.encode())
        yield made
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def rows(connection: psycopg.Connection, tables: list[tuple[str, list[str]]]) -> dict[str, list[tuple[Any, ...]]]:
    """What these columns of these tables hold."""
    found = {}
    for table, columns in tables:
        query = sql.SQL("SELECT {} FROM {} ORDER BY 1, 2").format(
            sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(table)
        )
        found[table] = connection.execute(query).fetchall()
    return found


def test_an_upgrade_keeps_every_row_and_every_value(before: Servers) -> None:
    with psycopg.connect(before.superuser_url, autocommit=True) as connection:
        tables = connection.execute(TABLES).fetchall()
        old = rows(connection, tables)
    migrate(before.database.owner_url, "activity_log_app")
    with psycopg.connect(before.superuser_url, autocommit=True) as connection:
        new = rows(connection, tables)

    empty = {"memcached", "registries"}
    assert {table for table, found in old.items() if not found} == empty
    assert new == old


def test_after_an_upgrade_the_application_writes_on_from_the_old_numbers(before: Servers) -> None:
    migrate(before.database.owner_url, "activity_log_app")
    written = """SELECT write_entries(1, ARRAY[1::bigint], ARRAY['Web'], 1, 'Ada Lovelace', 'owner', 'web', 'update',
                                      'project', NULL, NULL, 'Project ', ' updated', NULL, NULL, 'updated project')"""
    with psycopg.connect(before.database.url) as connection:
        assert connection.execute(written.encode()).fetchall() == [(4,)]
        assert connection.execute("SELECT cpu_millicores FROM take_usage(1, now() + interval '1 h')").fetchall() == [
            (250,)
        ]
