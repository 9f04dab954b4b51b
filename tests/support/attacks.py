"""What a superuser of PostgreSQL can do to the log, the guards taken away before and put back after it."""

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import psycopg

from models.log.signing import SIGNING_KEYS
from models.settings import Settings
from tests.support.seals import seal_now

ACME, OTHER, TARGET = 1, 2, 300
"""The organisations, and the entry of ACME that is attacked."""
TABLES = ("entries", "heads", "runs", "names", "epochs", "keys", "tiles", "checkpoints")
OTHERS_SEED = base64.b64encode(b"z" * 32).decode()


class Attack(NamedTuple):
    """Something done to the log, and what `activity-log verify` ends with."""

    does: str
    how: Callable[[psycopg.Connection, Settings], None]
    without: int
    """Without any checkpoint that was kept."""
    with_pin: int
    named: tuple[int, int] | None = (ACME, TARGET)
    """The organisation and the entry that a finding must name with a pin."""


def rewritten(superuser: psycopg.Connection, *statements: str) -> None:
    """The log changed by someone who may do anything."""
    guards = superuser.execute(GUARDS).fetchall()
    for table, guard in guards:
        superuser.execute(f"ALTER TABLE {table} DISABLE TRIGGER {guard}".encode())
    try:
        for each in statements:
            superuser.execute(each.encode())
    finally:
        for table, guard in guards:
            superuser.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {guard}".encode())


def keep(superuser: psycopg.Connection) -> None:
    """Make a backup of the log, in the database itself."""
    superuser.execute("DROP SCHEMA IF EXISTS kept CASCADE; CREATE SCHEMA kept")
    for each in TABLES:
        superuser.execute(f"CREATE TABLE kept.{each} AS SELECT * FROM activity_{each}".encode())


def _roll_back(superuser: psycopg.Connection, _: Settings) -> None:
    for each in TABLES:
        rewritten(superuser, f"TRUNCATE activity_{each}", f"INSERT INTO activity_{each} SELECT * FROM kept.{each}")


def _sql(*statements: str) -> Callable[[psycopg.Connection, Settings], None]:
    return lambda superuser, _: rewritten(superuser, *statements)


def _sealed_anew(superuser: psycopg.Connection, settings: Settings) -> None:
    """Everything, from the first entry on."""
    rewritten(superuser, CHANGE, "TRUNCATE activity_epochs, activity_keys, activity_tiles, activity_checkpoints")
    settings.sealed.unlink()
    seal_now(settings)


def _sealed_with_another_key(superuser: psycopg.Connection, settings: Settings) -> None:
    try:
        _sealed_anew(superuser, replace(settings, signing_keys=f"z1:{OTHERS_SEED}"))
    finally:
        SIGNING_KEYS.load(settings.signing_keys)


def _written_and_sealed(superuser: psycopg.Connection, settings: Settings) -> None:
    rewritten(superuser, APPEND)
    seal_now(settings)


OF_TARGET = f"organisation_id = {ACME} AND number = {TARGET}"
CHANGE = f"UPDATE activity_entries SET summary = 'Nothing happened' WHERE {OF_TARGET}"
# Another hash of 32 bytes in the place of the leaf's; what is above in the tile stays as it was.
CHANGE_TILE = f"""
    UPDATE activity_tiles SET hashes = overlay(hashes PLACING sha256('x') FROM 32 * ({TARGET} - 1) % 8192 + 1)
     WHERE organisation_id = {ACME} AND level = 0 AND index = ({TARGET} - 1) / 256"""
MOVE = f"""
    UPDATE activity_entries SET number = -number WHERE organisation_id = {ACME} AND number > {TARGET};
    UPDATE activity_entries SET number = -number <shift> WHERE organisation_id = {ACME} AND number < 0;
    UPDATE activity_heads SET last_number = last_number <shift> WHERE organisation_id = {ACME}"""
COPY = f"""
    INSERT INTO activity_entries (organisation_id, number, occurred_at, door, action, resource_type, resource_id,
                                  resource_name, summary)
    SELECT organisation_id, <number>, occurred_at, door, action, resource_type, resource_id, resource_name, summary
      FROM activity_entries WHERE {OF_TARGET}"""
APPEND = f"""
    INSERT INTO activity_entries (organisation_id, number, door, action, resource_type, resource_id, resource_name,
                                  summary)
    SELECT organisation_id, last_number + 1, door, action, resource_type, resource_id, resource_name, summary
      FROM activity_entries JOIN activity_heads USING (organisation_id) WHERE {OF_TARGET};
    UPDATE activity_heads SET last_number = last_number + 1 WHERE organisation_id = {ACME}"""
OF_OTHER = f"WHERE organisation_id = {OTHER}"
WITH_ALL = [
    f"DELETE FROM activity_{each} {OF_OTHER}"
    for each in ("entries", "heads", "runs", "names", "tiles", "checkpoints", "people")
]
# Up to a checkpoint in the middle; with all that was sealed of anybody after it.
MIDDLE = f"(SELECT size FROM kept.checkpoints WHERE organisation_id = {ACME} ORDER BY size DESC LIMIT 1)"
META_MIDDLE = "(SELECT max(size) FROM kept.checkpoints WHERE organisation_id = 0)"
CUT = [
    f"DELETE FROM activity_entries WHERE organisation_id = {ACME} AND number > {MIDDLE}",
    f"UPDATE activity_heads SET last_number = {MIDDLE} WHERE organisation_id = {ACME}",
    f"DELETE FROM activity_checkpoints WHERE organisation_id = {ACME} AND size > {MIDDLE}",
    f"DELETE FROM activity_tiles WHERE organisation_id = {ACME} AND (index + 1) * 256 > {MIDDLE}",
    f"DELETE FROM activity_checkpoints WHERE organisation_id = 0 AND size > {META_MIDDLE}",
]
PERSON = "WHERE id = (SELECT min(actor_person) FROM activity_entries WHERE organisation_id = 1)"
ATTACKS = [
    Attack("change the sentence of an entry", _sql(CHANGE), 1, 1),
    Attack(
        "change its time by a microsecond",
        _sql(f"UPDATE activity_entries SET occurred_at = occurred_at + interval '1 us' WHERE {OF_TARGET}"),
        1,
        1,
    ),
    Attack("change an entry and its tile", _sql(CHANGE, CHANGE_TILE), 1, 1),
    Attack("delete an entry", _sql(f"DELETE FROM activity_entries WHERE {OF_TARGET}"), 1, 1),
    Attack(
        "delete an entry and renumber those behind it",
        _sql(f"DELETE FROM activity_entries WHERE {OF_TARGET}", *MOVE.replace("<shift>", "- 1").split(";")),
        1,
        1,
    ),
    Attack(
        "swap two entries",
        _sql(
            f"UPDATE activity_entries SET number = 0 WHERE {OF_TARGET}",
            f"UPDATE activity_entries SET number = {TARGET} WHERE organisation_id = {ACME} AND number = {TARGET + 1}",
            f"UPDATE activity_entries SET number = {TARGET + 1} WHERE organisation_id = {ACME} AND number = 0",
        ),
        1,
        1,
    ),
    Attack(
        "insert an entry and renumber those behind it",
        _sql(*MOVE.replace("<shift>", "+ 1").split(";"), COPY.replace("<number>", f"{TARGET + 1}")),
        1,
        1,
        (ACME, TARGET + 1),
    ),
    Attack("insert an entry at the end, and have it sealed", _written_and_sealed, 0, 0, None),
    Attack(
        "cut the tail, but not its checkpoints",
        _sql(
            f"DELETE FROM activity_entries WHERE organisation_id = {ACME} AND number >= {TARGET}",
            f"UPDATE activity_heads SET last_number = {TARGET - 1} WHERE organisation_id = {ACME}",
        ),
        1,
        1,
    ),
    Attack("cut the tail with everything that was sealed of it", _sql(*CUT), 0, 3, (ACME, 500)),
    Attack("change an entry and seal all anew, without the key", _sealed_with_another_key, 1, 1),
    Attack("change an entry and seal all anew, with the key", _sealed_anew, 0, 3),
    Attack("drop the whole log of an organisation", _sql(*WITH_ALL), 1, 1, (OTHER, 1)),
    Attack("roll all of it back to a backup", _roll_back, 0, 3, (ACME, 500)),
    Attack(
        "drop all checkpoints and tiles",
        _sql("TRUNCATE activity_tiles, activity_checkpoints", CHANGE),
        4,
        3,
    ),
    Attack(
        "drop everything that was sealed",
        _sql("TRUNCATE activity_epochs, activity_keys, activity_tiles, activity_checkpoints", CHANGE),
        4,
        3,
    ),
    Attack("forge a run", _sql("UPDATE activity_runs SET last_number = last_number + 1"), 1, 1, (OTHER, 3)),
    Attack("give a person another name", _sql(f"UPDATE activity_people SET name = 'Mallory' {PERSON}"), 1, 1, None),
    Attack(
        "give a person another name and the commitment to it",
        _sql(
            "UPDATE activity_people SET name = 'Mallory', "
            f"commitment = sha256(salt || convert_to('Mallory', 'UTF8')) {PERSON}"
        ),
        1,
        1,
    ),
]
GUARDS = "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE tgenabled = 'A' AND NOT tgisinternal"
