"""A database as the version before left it, with one of everything in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple

import psycopg
from psycopg import sql

from models.migrations import migrate
from tests.support.servers import Servers
from web.cli.local.embedded import Database

BEFORE = "0003"


@contextmanager
def empty_database(servers: Servers, name: str) -> Iterator[Servers]:
    """One that is the owner's and holds nothing, beside that of the run; dropped in the end."""
    names = sql.Identifier(name), sql.Identifier("activity_log_owner")
    with psycopg.connect(servers.superuser_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(*names))
        try:
            urls = (f"{url.rpartition('/')[0]}/{name}" for url in astuple(servers.database))
            yield Servers(Database(*urls), servers.redis_url)
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(names[0]))


@contextmanager
def database_of_before(servers: Servers, name: str = "of_the_version_before") -> Iterator[Servers]:
    """A database of that version."""
    with empty_database(servers, name) as made:
        migrate(made.database.owner_url, "activity_log_app", BEFORE)
        with psycopg.connect(made.superuser_url) as filling:
            filling.execute(FILLED.encode())
        yield made


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
        VALUES (1, 1, 'token', 'active', 1, 'k1.c2VhbGVk');
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
# One more entry, as the application writes it.
NEXT_ENTRY = """
    SELECT write_entries(1, ARRAY[1::bigint], ARRAY['Web'], 1, 'Ada Lovelace', 'owner', 'web', 'update',
                         'project', NULL, NULL, 'Project ', ' updated', NULL, NULL, 'updated project', NULL, NULL)
"""
# Four top-ups, of which the log tells two; another entry has the same figures as one of them, a day later.
TOP_UPS = """
    INSERT INTO ledger (organisation_id, at, kind, amount_cents, balance_after_cents, description) VALUES
        (1, '2026-01-01 12:00:00', 'top_up', 100, 800, 'told'), (1, '2026-01-01 12:00:05', 'top_up', 200, 1000, 'told'),
        (1, '2026-01-01 12:00:10', 'top_up', 100, 800, 'of figures that are told much later'),
        (1, '2026-01-01 12:00:15', 'top_up', 999, 1799, 'of other figures than any entry'),
        (1, '2026-01-01 12:00:20', 'charge', -100, 800, 'a charge');
    INSERT INTO activity_entries (organisation_id, number, occurred_at, resource_id, actor_id, action, resource_type,
                                  door, actor_name, resource_name, summary, changes)
    SELECT 1, number, CAST(moment AS timestamptz), 0, 1, 'update', 'billing', 'web', 'Ada', 'Balance', 'x', changes
      FROM (VALUES (4, '2026-01-01 12:00:01', CAST('{"balance_cents": [700, 800]}' AS jsonb)),
                   (5, '2026-01-01 12:00:02', '{"auto_top_up": [false, true]}'),
                   (6, '2026-01-01 12:00:06', '{"balance_cents": [800, 1000]}'),
                   (7, '2026-01-02 12:00:00', '{"balance_cents": [700, 800]}')) AS told (number, moment, changes);
"""
# Every way in which people were spoken of: numbers 4 to 16. The invitation of entry 4 knows who sent it; of that of 6
# only its entry does; of 11, someone whom the log knows by no other entry.
PEOPLE = """
    INSERT INTO invitations (organisation_id, email, role, token_hash, invited_by, inviter_id, expires_at, version,
                             mailed)
        VALUES (1, 'grace@example.com', 'member', '\\x03', 'Ada Lovelace', 1, now(), 1, false);
    INSERT INTO activity_entries (organisation_id, number, resource_id, cause_number, actor_id, action, resource_type,
                                  door, actor_name, resource_name, summary, changes)
    SELECT 1, number, resource, cause, actor, CAST(action AS activity_action), CAST(type AS activity_resource), 'web',
           who, name, summary, CAST(changes AS jsonb)
      FROM (VALUES
        (4, 3, NULL, 1, 'create', 'invitation', 'Ada Lovelace', 'grace@example.com',
         'Invitation of grace@example.com as member sent', '{"role": [null, "member"]}'),
        (5, 2, 4, 2, 'create', 'user', 'Grace Hopper', 'Grace Hopper',
         'User Grace Hopper added as member, invited by Ada Lovelace', '{"role": [null, "member"]}'),
        (6, 99, NULL, 2, 'create', 'invitation', 'Grace Hopper', 'nobody@example.com',
         'Invitation of nobody@example.com as member sent', NULL),
        (7, 3, 6, 3, 'create', 'user', 'Vera invited by Ada', 'Vera invited by Ada',
         'User Vera invited by Ada added as member, invited by Grace Hopper', NULL),
        (8, 2, NULL, 2, 'update', 'user', 'Grace M. Hopper', 'Grace Hopper',
         'User Grace Hopper renamed to Grace M. Hopper', '{"name": ["Grace Hopper", "Grace M. Hopper"]}'),
        (9, 2, NULL, 2, 'update', 'user', 'Grace M. Hopper', 'Grace M. Hopper',
         'User Grace M. Hopper''s email address changed',
         '{"email_address": ["grace@example.com", "rear@example.com"]}'),
        (10, 2, NULL, 1, 'update', 'user', 'Ada Lovelace', 'Grace M. Hopper',
         'User Grace M. Hopper''s role changed from member to admin', '{"role": ["member", "admin"]}'),
        (11, 3, NULL, 3, 'create', 'user', 'Vera invited by Ada', 'Vera invited by Ada',
         'User Vera invited by Ada added as member, invited by User', '{"role": [null, "member"]}'),
        (12, 99, NULL, NULL, 'delete', 'invitation', 'system', 'nobody@example.com',
         'Invitation of nobody@example.com expired', '{"role": ["member", null]}'),
        (13, 98, NULL, 2, 'delete', 'invitation', 'rear@example.com', 'grace@example.com',
         'Invitation of grace@example.com declined', NULL),
        (14, 3, NULL, 1, 'delete', 'user', 'Ada Lovelace', 'Vera invited by Ada',
         'User Vera invited by Ada removed', '{"role": ["member", null]}'),
        (15, 3, NULL, 1, 'update', 'user', 'Ada Lovelace', 'Vera invited by Ada',
         'What no version ever said of Vera invited by Ada', NULL),
        (16, 3, NULL, 3, 'update', 'user', 'Vera invited by Ada', 'Vera invited by Ada',
         'User Vera invited by Ada updated', '{"name": ["Vera invited by Ada", "Vera invited by Ada"]}'))
        AS told (number, resource, cause, actor, action, type, who, name, summary, changes);
    UPDATE activity_heads SET last_number = 16;
    INSERT INTO activity_names
    SELECT organisation_id, resource_type, resource_id, resource_name FROM activity_entries
     UNION SELECT organisation_id, 'user', actor_id, actor_name FROM activity_entries WHERE actor_id IS NOT NULL
        ON CONFLICT DO NOTHING;
"""
