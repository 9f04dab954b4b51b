"""Whether the database still guards the log as its migrations have set it up: what `activity-log doctor` asks."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import text

from models.database import read
from models.kinds.catalogue import KINDS

PERMANENT = ("activity_entries", "activity_heads", "activity_runs", "activity_people")
"""The tables of the log, which the application's role may read and nothing else."""
TRACKED = (
    *("organisations", "projects", "memberships", "invitations", "payment_methods", "billing_accounts"),
    *(kind.plural for kind in KINDS),
)
"""The tables of which an entry has to tell every change."""
TRIGGERS = {
    "activity_entries_are_permanent": "activity_entries",
    "activity_heads_are_permanent": "activity_heads",
    "activity_heads_only_grow": "activity_heads",
    "activity_people_are_permanent": "activity_people",
    "activity_people_are_only_erased": "activity_people",
    **{
        f"activity_{table}_are_permanent": f"activity_{table}"
        for table in ("epochs", "keys", "tiles", "checkpoints", "cosignatures")
    },
    "activity_owed_is_told": "activity_owed",
    "users_owe_for_update": "users",
    **{
        f"{table}_owe_for_{change}": table for table in TRACKED for change in ("insert", "update", "delete", "truncate")
    },
}
# What PostgreSQL calls a trigger that no session can switch off for itself.
ALWAYS = "A"
APART_MOST = timedelta(seconds=5)


class Finding(NamedTuple):
    """What was looked at, and what is wrong with it."""

    about: str
    trouble: str = ""
    """What is wrong; empty when nothing is."""
    remedy: str = ""
    """What to do about it."""


def look() -> list[Finding]:
    """Looks at roles, grants, triggers, durability and the clock, as the application's own role sees them."""
    return [_role(), _ownership(), _grants(), _triggers(), _durability(), _clock()]


def _role() -> Finding:
    about = "The application's role has no power over others"
    name, *powers = read(ROLE, {})[0]
    found = [word for word, has in zip(POWERS, powers, strict=True) if has]
    if not found:
        return Finding(about)
    return Finding(about, f"{name} has {', '.join(found)}", f"ALTER ROLE {name} {' '.join(f'NO{it}' for it in found)};")


def _ownership() -> Finding:
    about = "The log belongs to another role than the application's"
    mine = [table for (table,) in read(OWNED, {"tables": list(PERMANENT)})]
    if not mine:
        return Finding(about)
    return Finding(
        about,
        f"whoever has the application's password may do as the owner of {', '.join(mine)}",
        "Give DATABASE_URL a role that owns nothing, and DATABASE_OWNER_URL the owner; see docs/operations.md.",
    )


def _grants() -> Finding:
    about = "The application may not write to the log past its one function"
    found = [f"{privilege} on {table}" for table, privilege in read(GRANTS, {"tables": list(PERMANENT)})]
    if not found:
        return Finding(about)
    return Finding(about, f"it has {', '.join(found)}", "REVOKE these from it, and from PUBLIC, as the owner.")


def _triggers() -> Finding:
    about = "The log's triggers fire always"
    known = dict(read(ENABLED, {"names": list(TRIGGERS)}))
    off = [f"{name} on {table}" for name, table in TRIGGERS.items() if known.get(name) != ALWAYS]
    if not off:
        return Finding(about)
    return Finding(
        about,
        f"{', '.join(off)}: missing, or not enabled always",
        "ALTER TABLE … ENABLE ALWAYS TRIGGER …; and ask who has switched it off, and what was written meanwhile.",
    )


def _durability() -> Finding:
    about = "What is committed is on the disk"
    off = [name for name, setting in read(DURABLE, {}) if setting == "off"]
    if not off:
        return Finding(about)
    return Finding(about, f"{', '.join(off)} is off", "Turn it on: a crash may take entries that people have seen.")


def _clock() -> Finding:
    about = "The database's clock and this machine's agree"
    apart = abs(read(NOW, {})[0][0] - datetime.now(UTC))
    if apart <= APART_MOST:
        return Finding(about)
    return Finding(
        about, f"they are {apart.total_seconds():.0f} s apart", "Set both by NTP: entries bear the database's."
    )


POWERS = ("SUPERUSER", "CREATEROLE", "CREATEDB", "REPLICATION", "BYPASSRLS")
ROLE = text("""
    SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls
      FROM pg_roles WHERE rolname = current_user
""")
OWNED = text("""
    SELECT relname FROM pg_class
     WHERE relname = ANY(:tables) AND relnamespace = 'public'::regnamespace AND pg_has_role(relowner, 'MEMBER')
     ORDER BY relname
""")
# Of single columns, too; new heads are the one thing that it adds by itself.
GRANTS = text("""
    SELECT relname, privilege
      FROM pg_class,
           unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS privilege
     WHERE relname = ANY(:tables) AND relnamespace = 'public'::regnamespace
       AND (has_table_privilege(pg_class.oid, privilege)
            OR privilege IN ('INSERT', 'UPDATE', 'REFERENCES') AND has_any_column_privilege(pg_class.oid, privilege)
               AND NOT (relname = 'activity_heads' AND privilege = 'INSERT'))
     ORDER BY relname, privilege
""")
ENABLED = text("SELECT tgname, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal AND tgname = ANY(:names)")
DURABLE = text("""
    SELECT name, setting FROM pg_settings
     WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes') ORDER BY name
""")
NOW = text("SELECT clock_timestamp()")
