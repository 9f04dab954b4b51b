"""Every key names its organisation, so that organisations could be spread over servers: asked of PostgreSQL itself."""

from collections.abc import Iterator

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, pool

from models.database import db
from models.kinds.catalogue import KINDS
from models.settings import Settings
from models.system.guards import TRACKED

APP = "activity_log_app"
OWNED = """
    SELECT attrelid::regclass::text FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
     WHERE attname = 'organisation_id' AND relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
"""
UNIQUE_INDEXES = """
    SELECT indrelid::regclass::text, indexrelid::regclass::text, indisprimary,
           ARRAY(SELECT attname::text FROM pg_attribute
                  WHERE attrelid = indrelid AND attnum = ANY(indkey) ORDER BY array_position(indkey::int2[], attnum))
      FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
     WHERE indisunique AND relnamespace = 'public'::regnamespace
"""
FOREIGN_KEYS = """
    SELECT conrelid::regclass::text, confrelid::regclass::text,
           ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY(conkey)),
           ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = confrelid AND attnum = ANY(confkey))
      FROM pg_constraint WHERE contype = 'f'
"""
NULLABLE = """
    SELECT attrelid::regclass::text, attname, NOT attnotnull
      FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
     WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped
"""
# Written and read as SQL alone: no class of ours stands for a row.
WITHOUT_CLASS = {
    "activity_checkpoints",
    "activity_cosignatures",
    "activity_entries",
    "activity_epochs",
    "activity_heads",
    "activity_keys",
    "activity_names",
    "activity_owed",
    "activity_people",
    "activity_runs",
    "activity_tiles",
    "deployments",
    "jobs",
    "mails",
    "account_links",
    "platform",
    "seal_refusals",
    "strays",
    "verifications",
    "watches",
    "checkpoint_mails",
    "anchors",
    "usage_changes",
    "alembic_version",
}
# Its rows are gone before any other statement sees them: a key would only cost.
WITHOUT_KEY = {"activity_owed"}
pytestmark = pytest.mark.usefixtures("settings")


@pytest.fixture
def owned(superuser: psycopg.Connection) -> set[str]:
    """The tables that belong to an organisation."""
    found = {table for (table,) in superuser.execute(OWNED)}
    assert {*(kind.plural for kind in KINDS), "activity_entries", "memberships", "ledger", "jobs"} <= found
    return found


def test_every_table_is_an_organisations_or_known_to_be_small(superuser: psycopg.Connection, owned: set[str]) -> None:
    tables = {table for (table,) in superuser.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}

    assert tables - owned == {
        "users",
        "sessions",
        "organisations",
        "platform",
        "account_links",
        "activity_epochs",
        "activity_keys",
        "mails",
        "anchors",
        "alembic_version",
    }


def test_organisation_id_comes_first_in_every_primary_key(superuser: psycopg.Connection, owned: set[str]) -> None:
    first = {table: columns[0] for table, _, primary, columns in superuser.execute(UNIQUE_INDEXES) if primary}

    assert {table: first[table] for table in owned - WITHOUT_KEY} == dict.fromkeys(
        owned - WITHOUT_KEY, "organisation_id"
    )


def test_organisation_id_is_in_every_unique_index(superuser: psycopg.Connection, owned: set[str]) -> None:
    without = [
        index
        for table, index, _, columns in superuser.execute(UNIQUE_INDEXES)
        if table in owned and "organisation_id" not in columns
    ]

    assert without == []


def test_foreign_keys_between_tables_of_organisations_stay_within_the_organisation(
    superuser: psycopg.Connection, owned: set[str]
) -> None:
    within = [
        (table, other, columns, others)
        for table, other, columns, others in superuser.execute(FOREIGN_KEYS)
        if table in owned and other in owned
    ]

    assert within
    assert [each for each in within if "organisation_id" not in each[2] or "organisation_id" not in each[3]] == []


def test_other_foreign_keys_lead_to_reference_tables(superuser: psycopg.Connection, owned: set[str]) -> None:
    others = {other for table, other, _, _ in superuser.execute(FOREIGN_KEYS) if other not in owned}

    assert others == {"organisations", "users"}


def test_the_log_has_no_foreign_keys(superuser: psycopg.Connection) -> None:
    log = {"activity_entries", "activity_heads", "activity_runs", "activity_people"}
    keys = [(table, other) for table, other, _, _ in superuser.execute(FOREIGN_KEYS)]

    assert [each for each in keys if log & set(each)] == []


def test_log_columns_are_as_narrow_as_designed(superuser: psycopg.Connection) -> None:
    types: dict[str, str] = dict(
        superuser.execute("""
            SELECT attname, atttypid::regtype::text FROM pg_attribute
             WHERE attrelid = 'activity_entries'::regclass AND attnum > 0
        """).fetchall()
    )

    assert (types["organisation_id"], types["number"]) == ("integer", "bigint")
    assert (types["action"], types["resource_type"]) == ("activity_action", "activity_resource")


@pytest.fixture
def owner(settings: Settings) -> Iterator[Connection]:
    """The schema's owner, to SQLAlchemy."""
    url = settings.database_owner_url.replace("postgresql://", "postgresql+psycopg://", 1)
    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        yield connection


def test_the_classes_agree_with_the_migrated_schema(owner: Connection) -> None:
    options = {"compare_type": True, "include_object": mapped}
    differences = compare_metadata(MigrationContext.configure(owner, opts=options), db.metadata)

    assert differences == []


def mapped(_: object, name: str | None, type_: str, reflected: bool, __: object) -> bool:
    """Only what a class could say: indexes, uniqueness and foreign keys are the migrations' own."""
    if type_ in ("index", "unique_constraint", "foreign_key_constraint"):
        return False
    return not (type_ == "table" and reflected and name in WITHOUT_CLASS)


def test_the_classes_agree_on_what_may_be_missing(superuser: psycopg.Connection) -> None:
    stored = {(table, column): nullable for table, column, nullable in superuser.execute(NULLABLE)}
    ours = {
        (table.name, column.name): column.nullable for table in db.metadata.tables.values() for column in table.columns
    }

    assert ours == {key: nullable for key, nullable in stored.items() if key[0] not in WITHOUT_CLASS}


# Rights


def rights(superuser: psycopg.Connection, table: str) -> set[str]:
    """What the application may do with a table as a whole."""
    found = superuser.execute(
        "SELECT privilege_type FROM information_schema.table_privileges WHERE table_name = %s AND grantee = %s",
        (table, APP),
    )
    return {privilege for (privilege,) in found}


def column_rights(superuser: psycopg.Connection, table: str, privilege: str) -> set[str]:
    """The columns for which it has a right."""
    found = superuser.execute(
        """SELECT column_name FROM information_schema.column_privileges
            WHERE table_name = %s AND grantee = %s AND privilege_type = %s""",
        (table, APP, privilege),
    )
    return {column for (column,) in found}


@pytest.mark.parametrize("table", ["activity_entries", "activity_heads", "activity_runs", "activity_people"])
def test_the_application_may_only_read_the_log(superuser: psycopg.Connection, table: str) -> None:
    opened = {"organisation_id"} if table == "activity_heads" else set()

    assert rights(superuser, table) == {"SELECT"}
    assert column_rights(superuser, table, "INSERT") == opened
    assert column_rights(superuser, table, "UPDATE") == column_rights(superuser, table, "REFERENCES") == set()


def test_functions_that_act_as_their_owner_are_those_the_application_needs(superuser: psycopg.Connection) -> None:
    found = superuser.execute(
        """SELECT proname, has_function_privilege(%s, oid, 'EXECUTE'), has_function_privilege('public', oid, 'EXECUTE'),
                  proconfig
             FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace ORDER BY proname""",
        (APP,),
    )
    path = ["search_path=pg_catalog, public, pg_temp"]

    functions = ["erase_payer", "erase_people", "take_usage", "write_entries"]
    triggers = ["require_entries", *(f"{table}_owe" for table in (*TRACKED, "users"))]
    called = {each: each in functions for each in [*functions, *triggers]}
    assert found.fetchall() == [(each, called[each], False, path) for each in sorted(called)]


def test_the_application_deletes_only_memberships_sessions_and_views_and_truncates_nothing(
    superuser: psycopg.Connection,
) -> None:
    found = superuser.execute(
        """SELECT table_name, privilege_type FROM information_schema.table_privileges
            WHERE grantee = %s AND privilege_type NOT IN ('SELECT', 'INSERT', 'UPDATE')""",
        (APP,),
    )

    assert sorted(found) == [("memberships", "DELETE"), ("saved_views", "DELETE"), ("sessions", "DELETE")]


@pytest.mark.parametrize(("table", "moment"), [("ledger", "at"), ("usage_changes", "at"), ("payments", "asked_at")])
def test_money_only_grows_and_the_database_says_when(superuser: psycopg.Connection, table: str, moment: str) -> None:
    assert rights(superuser, table) == {"SELECT"}
    assert moment not in column_rights(superuser, table, "INSERT")
    changeable = {"state", "settled_at"} if table == "payments" else set()
    assert column_rights(superuser, table, "UPDATE") == changeable


def test_the_application_owns_nothing_and_is_in_no_other_role(superuser: psycopg.Connection) -> None:
    assert superuser.execute("SELECT tablename FROM pg_tables WHERE tableowner = %s", (APP,)).fetchall() == []
    assert (
        superuser.execute("SELECT roleid::regrole FROM pg_auth_members WHERE member = %s::regrole", (APP,)).fetchall()
        == []
    )


SEALS = {
    "activity_epochs": {"epoch", "leaf"},
    "activity_keys": {"public", "id"},
    "activity_tiles": {"organisation_id", "epoch", "level", "index", "root", "hashes"},
    "activity_checkpoints": {"organisation_id", "epoch", "size", "meta_index", "root", "note"},
    "activity_cosignatures": {"organisation_id", "epoch", "size", "witness", "line"},
}


@pytest.mark.parametrize("table", SEALS)
def test_the_application_adds_seals_and_the_database_says_when(superuser: psycopg.Connection, table: str) -> None:
    assert rights(superuser, table) == {"SELECT"}
    assert column_rights(superuser, table, "INSERT") == SEALS[table]
    assert column_rights(superuser, table, "UPDATE") == set()


GUARDS = {
    "activity_entries": ["activity_entries_are_permanent"],
    "activity_heads": ["activity_heads_are_permanent", "activity_heads_only_grow"],
    "activity_people": ["activity_people_are_only_erased", "activity_people_are_permanent"],
    "activity_owed": ["activity_owed_is_told"],
    "users": ["users_owe_for_update"],
    **{table: [f"{table}_owe_for_{each}" for each in ("delete", "insert", "truncate", "update")] for table in TRACKED},
    **{table: [f"{table}_are_permanent"] for table in SEALS},
}


@pytest.mark.parametrize("table", GUARDS)
def test_the_guards_of_the_log_are_always_on(superuser: psycopg.Connection, table: str) -> None:
    triggers = superuser.execute(
        "SELECT tgname, tgenabled::text FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal", (table,)
    ).fetchall()

    assert sorted(triggers) == [(guard, "A") for guard in GUARDS[table]]
