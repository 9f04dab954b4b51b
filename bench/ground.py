"""Makes the ground: servers of its own, the schema, and the entries.

A million entries by the verbs would take an hour. The bench is a superuser of its own database and inserts them as one
statement; the product has no such door. What is measured afterwards goes through the product's code and role.
"""

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import flask
import psycopg

from bench.common import Ground
from models import database, sealed
from models.log.actor import Actor, Door
from models.log.feed import OrganisationName
from models.migrations import migrate
from models.organisation import create_organisation
from models.people.access import Role
from models.people.user import User, sign_up
from models.settings import Settings
from models.transaction import transaction
from web.cli.local import embedded
from worker import hint

# BENCH_ENTRIES asks for more than a million, or fewer.
BIG = int(os.environ.get("BENCH_ENTRIES", "1000000"))
SMALL = min(100_000, BIG // 10)
HANDLES = ("big", "second", "third", "fourth", "fifth")
EMAIL = "ada@example.com"


@contextmanager
def ground() -> Iterator[Ground]:
    """Servers with everything in them, as durable as in earnest; stopped and removed at the end."""
    with tempfile.TemporaryDirectory(prefix="activity-log-bench-") as folder:
        data = Path(folder)
        kept = embedded.Secrets.kept_in(data)
        with embedded.postgresql(data, kept) as database, embedded.valkey(data, kept) as redis_url:
            settings = Settings(
                database_url=database.url,
                database_owner_url=database.owner_url,
                redis_url=redis_url,
                secret_key=kept.secret_key,
                encryption_keys=kept.encryption_keys,
                signing_keys=kept.signing_keys,
                data_dir=data,
            )
            yield from _filled(settings, database.superuser_url)


def _filled(settings: Settings, superuser_url: str) -> Iterator[Ground]:
    migrate(settings.database_owner_url, "activity_log_app")
    app = flask.Flask("bench")
    for module in (sealed, database, hint):
        module.attach(app, settings)
    with app.app_context():
        password = secrets.token_urlsafe(12)
        with transaction():
            user = sign_up(EMAIL, "Ada Lovelace", password)
        ada = Actor(user.id, user.name, Role.OWNER, Door.WEB)
        organisations = dict(_organisation(user, ada, handle) for handle in HANDLES)
        made = Ground(app, settings, superuser_url, ada, password, organisations)
        _fill(made)
        yield made


def _organisation(user: User, ada: Actor, handle: str) -> tuple[int, OrganisationName]:
    with transaction():
        made = create_organisation(user, ada, name=handle.capitalize(), handle=handle, email=EMAIL)
    return made.id, made.named


def _fill(ground: Ground) -> None:
    with psycopg.connect(ground.superuser_url, autocommit=True) as connection:
        for organisation_id in ground.organisations:
            last = BIG if organisation_id == ground.big else SMALL
            connection.execute(PEOPLE, {"organisation": organisation_id})
            connection.execute(FILL, {"organisation": organisation_id, "last": last, "ada": ground.ada.id})
            connection.execute(NAMES, {"organisation": organisation_id})
        connection.execute(FIRST)
        connection.execute("VACUUM ANALYZE")
        # Nothing of it is flushed while the first rows are measured.
        connection.execute("CHECKPOINT")


# Entry 1 is there already: the organisation's own. Every tenth entry is the system's, with a cause; Ada does one in
# eight of the others. Project 1 fell silent halfway, after 40 % of what happened until then: its newest page is far
# from the newest entries, which is where a feed that filters instead of seeking shows. One entry in fifty thousand is
# like no other: a secret deleted from the command line.
FILL = """
    WITH head AS (
        UPDATE activity_heads SET last_number = %(last)s WHERE organisation_id = %(organisation)s
    )
    INSERT INTO activity_entries (
        organisation_id, number, occurred_at, actor_id, actor_person, actor_role, door, action, resource_type,
        resource_id, resource_name, project_id, project_name, summary, changes, cause_number)
    SELECT %(organisation)s, n, timestamptz '2024-01-01' + n * interval '30 seconds', person.user_id, person.id,
           CASE WHEN n %% 10 = 0 THEN NULL ELSE 'member' END,
           CASE WHEN rare THEN 'cli' WHEN n %% 10 = 0 THEN 'worker' ELSE 'web' END::activity_door,
           CASE WHEN rare THEN 'delete' ELSE (ARRAY['create', 'update', 'update', 'update', 'terminate'])[1 + n %% 5]
           END::activity_action,
           CASE WHEN rare THEN 'secret' ELSE 'container' END::activity_resource,
           n %% 7919, kept || n %% 7919, project, 'Project ' || project,
           CASE WHEN rare THEN 'Secret ' || kept || n %% 7919 || ' deleted'
                ELSE 'Container ' || kept || n %% 7919 || ' updated' END,
           CASE WHEN n %% 5 IN (1, 2, 3) THEN '{"image": ["nginx:1.27.0", "nginx:1.28.0"]}'::jsonb END,
           CASE WHEN n %% 10 = 0 THEN n - n %% 1000 + 1 END
      FROM generate_series(2, %(last)s) AS n
     CROSS JOIN LATERAL (
           SELECT n %% 50000 = 25007 AS rare,
                  CASE WHEN n %% 50000 = 25007 THEN 'token-' ELSE 'service-' END AS kept,
                  CASE WHEN n < %(last)s / 2 AND n %% 5 < 2 THEN 1 ELSE 2 + n %% 37 END AS project) AS places
      LEFT JOIN activity_people AS person
        ON person.organisation_id = %(organisation)s AND n %% 10 <> 0
       AND person.user_id = CASE WHEN n %% 8 = 1 THEN %(ada)s ELSE 100 + n %% 8 END
"""
# As `write_entries` would have left them.
NAMES = """
    INSERT INTO activity_names
    SELECT DISTINCT organisation_id, resource_type, resource_id, resource_name FROM activity_entries
     WHERE organisation_id = %(organisation)s AND people IS NULL
        ON CONFLICT DO NOTHING
"""
PEOPLE = """
    SELECT person_of(%(organisation)s, 100 + place, 'Person ' || place) FROM generate_series(0, 7) AS place
"""
# What was there before the past was made up: times must not run against numbers.
FIRST = """
    ALTER TABLE activity_entries DISABLE TRIGGER activity_entries_are_permanent;
    UPDATE activity_entries SET occurred_at = timestamptz '2024-01-01' WHERE number = 1;
    ALTER TABLE activity_entries ENABLE ALWAYS TRIGGER activity_entries_are_permanent;
"""
