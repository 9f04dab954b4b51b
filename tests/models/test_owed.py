"""A change without its entry cannot be committed, whoever makes it: a forgotten verb, a migration, a hand."""

from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy import text

from models.billing.cards import PaymentMethod
from models.database import db
from models.errors import EntryOwed
from models.kinds.catalogue import KINDS
from models.kinds.container import Container
from models.log.actor import Actor
from models.log.record import PAST, Action, Subject, record
from models.migrations import migrate
from models.organisation import Organisation
from models.people.member import invite_member
from models.people.user import User
from models.project import Project
from models.settings import Settings
from models.system import guards
from models.system.guards import TRACKED
from models.transaction import ENTRY_OWED, transaction
from tests.support.before import empty_database
from tests.support.factories import many_containers
from tests.support.servers import Servers
from tests.support.world import World, complete

ANOTHER = """
    INSERT INTO containers (organisation_id, project_id, handle, name, state, version, image, port, health_path,
                            cpu_millicores, memory_mib, environment, secrets)
    VALUES (1, 1, 'other', 'other', 'active', 1, 'nginx:1.28', 80, '', 250, 256, '', '{}')
"""
# Each is a change that a sentence of the log belongs to, made past every verb.
UNTOLD = (
    "UPDATE organisations SET name = 'Other'",
    "UPDATE organisations SET email = 'other@example.com'",
    "UPDATE organisations SET state = 'suspended'",
    "UPDATE organisations SET state = 'deleting'",
    "INSERT INTO organisations (handle, name, email, state, version) VALUES ('b', 'B', 'b@example.com', 'active', 1)",
    "UPDATE projects SET name = 'Other'",
    "UPDATE projects SET state = 'deleted'",
    "INSERT INTO projects (organisation_id, handle, name, state, version) VALUES (1, 'b', 'B', 'active', 1)",
    "UPDATE memberships SET role = 'owner'",
    "UPDATE memberships SET user_id = (SELECT max(id) FROM users) WHERE role = 'viewer'",
    "DELETE FROM memberships WHERE role = 'viewer'",
    "UPDATE users SET name = 'Other' WHERE email = 'vera@example.com'",
    "UPDATE users SET email = 'other@example.com' WHERE email = 'vera@example.com'",
    "UPDATE invitations SET used_at = now() WHERE used_at IS NULL",
    "UPDATE invitations SET expires_at = expires_at + interval '1 year'",
    "UPDATE invitations SET role = 'owner'",
    "UPDATE invitations SET token_hash = '\\x01' WHERE used_at IS NULL",
    "UPDATE payment_methods SET removed_at = now()",
    "UPDATE payment_methods SET expiry_year = 2098",
    "UPDATE billing_accounts SET balance_cents = balance_cents + 1",
    "UPDATE billing_accounts SET auto_top_up = true",
    "UPDATE billing_accounts SET threshold_cents = 1",
    ANOTHER,
    "UPDATE containers SET image = 'nginx:1.99'",
    "UPDATE containers SET state = 'terminated', ended_at = now()",
    "UPDATE containers SET project_id = (SELECT max(id) FROM projects)",
    "UPDATE containers SET environment = 'k1.b3RoZXI='",
    "UPDATE containers SET environment = ''",
    "UPDATE containers SET environment = 'k2.b3RoZXI=', version = version + 1",
)
OBSERVED = (
    "UPDATE organisations SET version = version + 1",
    "UPDATE users SET session_epoch = session_epoch + 1, verified_at = now()",
    "UPDATE billing_accounts SET balance_cents = balance_cents - 1, charged_until = now(), exhausted = true",
    "UPDATE containers SET status = 'running', status_reason = 'x', deployed_revision = 1, version = version + 1",
    "UPDATE containers SET image = image",
    "UPDATE containers SET environment = 'k2.b3RoZXI='",  # the same value under another key
    "UPDATE payment_methods SET version = version + 1",
)
CONTAINER_UPDATED = """SELECT write_entries(%s, ARRAY[%s]::bigint[], ARRAY['x'], NULL, 'x', NULL, 'cli', 'update',
    'container', NULL, NULL, 'Container ', ' updated', NULL, NULL, 'updated container', NULL, NULL)"""
# One change of each table, of those above; a kind's row ends.
UPDATES = {
    **{kind.plural: f"UPDATE {kind.plural} SET state = '{PAST[kind.end_action]}', ended_at = now()" for kind in KINDS},
    **{
        table: next(each for each in UNTOLD if each.startswith(f"UPDATE {table} "))
        for table in (*TRACKED, "users")
        if table not in {kind.plural for kind in KINDS}
    },
}
REFERRING = """
    SELECT conrelid::regclass::text, quote_ident(conname) FROM pg_constraint
     WHERE contype = 'f' AND confrelid = CAST(%s AS regclass) AND conparentid = 0
"""


@pytest.fixture
def everything(
    acme: Organisation, web: Project, api: Container, card: PaymentMethod, ada: Actor, superuser: psycopg.Connection
) -> Container:
    """One of everything that the log speaks of, with a second project and something sealed."""
    with transaction():
        acme.create_project(ada, name="Two", handle="two")
    with transaction():
        invite_member(acme.id, ada, "new@example.com", "member", datetime.now(UTC))
    superuser.execute("UPDATE containers SET environment = 'k1.c2VhbGVk'")
    return api


@pytest.fixture(params=["database_url", "database_owner_url"])
def by_hand(settings: Settings, request: pytest.FixtureRequest) -> Iterator[psycopg.Connection]:
    """Someone in psql, as the application's role or as the owner of the tables; nothing is committed by itself."""
    with psycopg.connect(getattr(settings, request.param)) as connection:
        yield connection


def refused(connection: psycopg.Connection) -> str:
    """What COMMIT says, which has to refuse."""
    with pytest.raises(psycopg.DatabaseError) as error:
        connection.commit()
    assert error.value.sqlstate == ENTRY_OWED
    return str(error.value)


@pytest.mark.parametrize("statement", UNTOLD)
def test_a_change_by_hand_is_refused_at_commit(
    everything: Container, by_hand: psycopg.Connection, statement: str
) -> None:
    assert by_hand.execute(statement.encode()).rowcount > 0

    assert "no entry of this transaction says so" in refused(by_hand)


@pytest.mark.parametrize("statement", OBSERVED)
def test_what_is_only_observed_needs_no_entry(
    everything: Container, by_hand: psycopg.Connection, statement: str
) -> None:
    assert by_hand.execute(statement.encode()).rowcount > 0

    by_hand.commit()


def test_a_verb_that_forgets_its_entry_commits_nothing(api: Container, web: Project) -> None:
    with pytest.raises(EntryOwed, match=rf"^container {api.id} of organisation {web.organisation_id} "), transaction():
        api.assign({"image": "nginx:1.99"})
    db.session.expire_all()

    assert api.image == "nginx:1.27"


def test_an_entry_about_something_else_does_not_do(api: Container, web: Project, ada: Actor) -> None:
    with pytest.raises(EntryOwed), transaction():
        api.assign({"image": "nginx:1.99"})
        record(ada, Action.UPDATE, web.subject)
    with pytest.raises(EntryOwed), transaction():
        api.assign({"image": "nginx:1.99"})
        record(ada, Action.UPDATE, Subject(api.organisation_id, "memcached", api.id, "my-api"))
    with pytest.raises(EntryOwed), transaction():
        api.assign({"image": "nginx:1.99"})
        record(ada, Action.UPDATE, Subject(api.organisation_id, "container", api.id + 1, "my-api"))


def test_an_entry_of_an_earlier_transaction_does_not_do(api: Container, by_hand: psycopg.Connection) -> None:
    by_hand.execute(CONTAINER_UPDATED, (api.organisation_id, api.id))
    by_hand.commit()
    by_hand.execute("UPDATE containers SET image = 'nginx:1.99'")

    refused(by_hand)


def test_an_entry_before_the_change_does_as_well_as_one_after_it(api: Container, by_hand: psycopg.Connection) -> None:
    by_hand.execute(CONTAINER_UPDATED, (api.organisation_id, api.id))
    by_hand.execute("UPDATE containers SET image = 'nginx:1.99'")
    by_hand.commit()
    by_hand.execute("UPDATE containers SET image = 'nginx:1.98'")
    by_hand.execute(CONTAINER_UPDATED, (api.organisation_id, api.id))
    by_hand.commit()


def test_of_many_rows_the_one_without_an_entry_is_named(web: Project, ada: Actor) -> None:
    made = crowd(web, ada)
    told = [one for one in made if one != made[123]]

    with pytest.raises(EntryOwed, match=rf"^container {made[123]} of organisation "), transaction():
        db.session.execute(text("UPDATE containers SET image = 'nginx:1.99'"))
        for one in told:
            record(ada, Action.UPDATE, Subject(web.organisation_id, "container", one, "x"))


def test_many_rows_and_many_entries_of_other_things_pass(web: Project, ada: Actor) -> None:
    made = crowd(web, ada)
    with transaction():
        db.session.execute(text("UPDATE containers SET image = 'nginx:1.99'"))
        for one in made:
            record(ada, Action.UPDATE, Subject(web.organisation_id, "container", one, "x"))
        for _ in range(400):
            record(ada, Action.UPDATE, web.subject)


def test_asking_earlier_is_no_way_around(api: Container, by_hand: psycopg.Connection) -> None:
    by_hand.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(psycopg.DatabaseError) as error:
        by_hand.execute("UPDATE containers SET image = 'nginx:1.99'")

    assert error.value.sqlstate == ENTRY_OWED


def test_what_is_owed_cannot_be_taken_away(api: Container, settings: Settings) -> None:
    with psycopg.connect(settings.database_url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("DELETE FROM activity_owed")
    with psycopg.connect(settings.database_owner_url) as connection:
        connection.execute("UPDATE containers SET image = 'nginx:1.99'")
        assert connection.execute("DELETE FROM activity_owed").rowcount == 0
        refused(connection)


def test_emptying_a_table_is_refused(api: Container, settings: Settings) -> None:
    with psycopg.connect(settings.database_owner_url) as connection:
        connection.execute("TRUNCATE containers")

        assert f"container {api.id} " in refused(connection)


def test_a_migration_that_changes_what_is_tracked_is_refused(servers: Servers) -> None:
    with empty_database(servers, "with_a_migration") as scratch:
        migrate(scratch.database.owner_url, "activity_log_app")
        with psycopg.connect(scratch.database.owner_url) as migration:
            migration.execute(UNTOLD[4].encode())
            migration.execute("ALTER TABLE alembic_version ADD COLUMN added integer")

            refused(migration)


def test_whoever_joins_or_founds_is_told_by_another_entry(
    acme: Organisation, people: dict[str, User], by_hand: psycopg.Connection
) -> None:
    by_hand.execute("INSERT INTO memberships VALUES (%s, %s, 'owner', 1)", (acme.id, people["mallory"].id))

    assert f"user {people['mallory'].id} " in refused(by_hand)


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_a_kind_is_tracked_and_all_that_is_sealed_is_known_as_such(
    kind: type[Container], superuser: psycopg.Connection, settings: Settings
) -> None:
    [(body,)] = superuser.execute("SELECT prosrc FROM pg_proc WHERE proname = %s", (f"{kind.plural}_owe",))

    for name in ("state", "ended_at", "project_id", *kind.fields()):
        assert (f"split_part(o.{name}, " if name in kind.sealed() else f"o.{name} IS DISTINCT FROM n.{name}") in body


@pytest.mark.parametrize("table", [*TRACKED, "users"])
def test_without_a_trigger_the_change_passes_and_the_doctor_names_it(
    world: World, superuser: psycopg.Connection, table: str
) -> None:
    for operation in ("update",) if table == "users" else ("insert", "update", "delete", "truncate"):
        trigger = f"{table}_owe_for_{operation}"
        with by_superuser(superuser) as connection:
            change(connection, table, operation)
            assert "no entry of this transaction says so" in refused(connection)

            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}".encode())
            change(connection, table, operation)
            connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
            connection.rollback()
        superuser.execute(f"ALTER TABLE {table} DISABLE TRIGGER {trigger}".encode())
        try:
            troubles = [each.trouble for each in guards.look() if trigger in each.trouble]
        finally:
            superuser.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}".encode())

        assert troubles == [f"{trigger} on {table}: missing, or not enabled always"]


@pytest.fixture
def world(acme: Organisation, web: Project, ada: Actor, people: dict[str, User]) -> World:
    """One of everything; nothing of it is still being read."""
    made = complete(acme, web, ada, people)
    db.session.rollback()
    return made


def by_superuser(superuser: psycopg.Connection) -> psycopg.Connection:
    """A connection that commits nothing by itself, and to which no foreign key matters."""
    connection = psycopg.connect(superuser.info.dsn, password=superuser.info.password)
    connection.execute("SET session_replication_role = replica")
    connection.commit()
    return connection


def change(connection: psycopg.Connection, table: str, operation: str) -> None:
    """Changes rows of a table in one way, past every verb."""
    if operation == "insert":
        # The same rows once more, which are taken away by nobody that asks for entries.
        away = f"{table}_owe_for_delete"
        for each in (
            f"ALTER TABLE {table} DISABLE TRIGGER {away}",
            f"CREATE TEMPORARY TABLE again ON COMMIT DROP AS SELECT * FROM {table}",
            f"DELETE FROM {table}",
        ):
            connection.execute(each.encode())
    if operation == "truncate":
        found = connection.execute(REFERRING, (table,)).fetchall()
        for referring, key in found:
            connection.execute(f"ALTER TABLE {referring} DROP CONSTRAINT {key}".encode())
    statement = {
        "insert": f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM again",
        "update": UPDATES[table],
        "delete": f"DELETE FROM {table}",
        "truncate": f"TRUNCATE {table}",
    }[operation]
    connection.execute(statement.encode())


def crowd(project: Project, actor: Actor) -> list[int]:
    """Three hundred containers, by id."""
    with transaction():
        many_containers(project, actor, 300)
    return list(db.session.scalars(text("SELECT id FROM containers ORDER BY id")))
