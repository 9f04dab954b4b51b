"""Values that must never be seen again: sought in the whole database, the log, the broker and in error messages."""

import logging
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql
from redis import Redis

from models.errors import HandleTaken, Invalid
from models.kinds.container import Container
from models.kinds.registry import Registry
from models.kinds.secret import Secret
from models.log import feed
from models.log.actor import Actor
from models.log.entry import entry_of
from models.organisation import Organisation
from models.project import Project
from models.settings import Settings
from models.transaction import transaction
from tests.conftest import PASSWORD
from tests.support.work import run
from worker.hint import hint
from worker.publisher import RUN

CANARY = "canary-7f3a"
"""Part of every value that is to stay secret."""


@pytest.fixture
def sung(acme: Organisation, web: Project, ada: Actor, settings: Settings) -> Iterator[None]:
    """Every sealed field created and updated; some ended by a person, the others by the cascade, hints sent."""
    with transaction():
        registry = web.create(
            ada, Registry, handle="main", server="r.example.com", username="ci", password=f"{CANARY}-password"
        )
        secret = web.create(ada, Secret, handle="token", value=f"{CANARY}-value")
        container = web.create(
            ada,
            Container,
            name="api",
            handle="api",
            image="nginx:1.28",
            registry_handle="main",
            secrets=["token"],
            environment=f"KEY={CANARY}-environment\nOTHER=x",
        )
        ended = web.create(ada, Secret, handle="ended", value=f"{CANARY}-ended")
    with transaction():
        registry.update(ada, registry.version, password=f"{CANARY}-password-2")
        secret.update(ada, secret.version, value=f"{CANARY}-value-2")
        container.update(ada, container.version, environment=f"KEY=••••••••\nOTHER={CANARY}-environment-2")
    with transaction():
        ended.end(ada)
    yield
    Redis.from_url(settings.redis_url).flushdb()


def everything(superuser: psycopg.Connection) -> str:
    """Every row of every table of the database, as text."""
    tables = superuser.execute("""
        SELECT nspname, relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
         WHERE relkind IN ('r', 'p', 'm') AND nspname NOT IN ('pg_catalog', 'information_schema')
           AND nspname NOT LIKE 'pg_toast%'
    """).fetchall()
    assert len(tables) > 10
    found = []
    for schema, table in tables:
        rows = sql.SQL("SELECT stored::text FROM {} AS stored").format(sql.Identifier(schema, table))
        found += [row for (row,) in superuser.execute(rows)]
    return "\n".join(found)


def published(settings: Settings) -> str:
    """Everything the broker holds."""
    broker: Any = Redis.from_url(settings.redis_url)
    readers = {b"list": lambda key: broker.lrange(key, 0, -1), b"set": broker.smembers, b"hash": broker.hgetall}
    return "".join(f"{key!r}: {readers.get(broker.type(key), broker.dump)(key)!r}" for key in broker.scan_iter())


def test_the_search_would_find_it(acme: Organisation, web: Project, ada: Actor, superuser: psycopg.Connection) -> None:
    with transaction():
        web.update(ada, web.version, name=f"{CANARY} in the open")

    assert CANARY in everything(superuser)


def test_the_database_holds_no_sealed_value_in_clear(sung: None, superuser: psycopg.Connection) -> None:
    found = everything(superuser)

    assert '"changed"' in found
    assert CANARY not in found
    assert CANARY.encode().hex() not in found


def test_nor_after_everything_has_ended(
    sung: None, acme: Organisation, ada: Actor, superuser: psycopg.Connection
) -> None:
    with transaction() as hints:
        acme.delete(ada, "acme")
    for key in hints:
        run(key)

    assert CANARY not in everything(superuser)


def test_no_password_of_a_person_is_there(sung: None, superuser: psycopg.Connection) -> None:
    assert PASSWORD not in everything(superuser)


def test_the_feed_does_not_show_it(sung: None, acme: Organisation) -> None:
    scope = feed.whole(acme.named)
    shown = [entry_of(acme.named, row.number) for row in feed.page(scope).rows]

    assert len(shown) > 10
    assert CANARY not in repr(shown)


def test_the_log_says_nothing_about_it_but_that_it_changed(sung: None, acme: Organisation) -> None:
    scope = feed.whole(acme.named)
    details = [found[1] for row in feed.page(scope).rows if (found := entry_of(acme.named, row.number))]

    told = {name: value for each in details for name, value in each.changes.items()}
    assert {name: told[name] for name in ("password", "value", "environment")} == {
        "password": ["changed"],
        "value": ["changed"],
        "environment": ["changed"],
    }


def test_the_broker_does_not_carry_it(sung: None, acme: Organisation, ada: Actor, settings: Settings) -> None:
    with transaction() as hints:
        acme.delete(ada, "acme")
    for key in hints:
        hint(key)

    found = published(settings)
    assert RUN in found
    assert CANARY not in found


def test_an_error_does_not_tell_it(sung: None, web: Project, ada: Actor, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(HandleTaken) as taken, transaction():
        web.create(ada, Secret, handle="token", value=f"{CANARY}-again")
    with pytest.raises(Invalid) as invalid, transaction():
        web.create(ada, Secret, handle="other", value=f"{CANARY}\x00")

    told = [str(taken.value), str(taken.value.__cause__), str(invalid.value), caplog.text]
    assert CANARY not in "".join(told)
