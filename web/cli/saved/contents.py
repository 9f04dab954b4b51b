"""What a backup says of itself: when it was made, of which installation, and what is needed to use it again."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from models.migrations import last_step
from models.sealed import fingerprints
from models.settings import Settings
from models.system.rotation import sealed_columns

FORMAT = 1
Kind = TypeVar("Kind")


class NewerFormat(Exception):
    """The backup says something of itself that only a newer version understands; it names that."""


class Log(NamedTuple):
    """An organisation's log, and how far it goes."""

    organisation_id: int
    handle: str
    last_number: int


class Role(NamedTuple):
    """A role of PostgreSQL, and the limits that it is set: a dump holds neither."""

    name: str
    limits: Sequence[str]


@dataclass(frozen=True)
class Contents:
    """What a backup says of itself; nothing in it is more confidential than the database."""

    made_at: str
    version: str
    """Of Activity Log."""
    schema: str
    """The last migration that the database had."""
    server: int
    """The version of PostgreSQL that it was."""
    program: int
    """The version of the pg_dump that wrote it."""
    installation: str
    """The identity by which what it runs is known on an engine; empty before there was one."""
    owner: Role
    app: Role
    keys: dict[str, str]
    """The keys that its sealed values need, by id: their fingerprints, empty for one that nobody had."""
    logs: list[Log]
    format: int = FORMAT

    def to_json(self) -> str:
        """As it stands in the file."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str | bytes) -> "Contents":
        """Read what `to_json` wrote, fit to be printed. Raises NewerFormat, and ValueError for anything else."""
        try:
            found = _a(dict, _printable(json.loads(text)))
            if found["format"] != FORMAT:
                raise NewerFormat(_a(str, found["version"]))
            for name in ("made_at", "version", "schema", "installation"):
                _a(str, found[name])
            for name in ("server", "program"):
                _a(int, found[name])
            found["owner"], found["app"] = _read_role(found["owner"]), _read_role(found["app"])
            found["keys"] = {key: _a(str, mark) for key, mark in _a(dict, found["keys"]).items()}
            found["logs"] = [_read_log(*_a(list, each)) for each in _a(list, found["logs"])]
            return cls(**found)
        except (TypeError, KeyError) as error:
            raise ValueError(f"not what a backup says of itself: {error}") from None


def printable(text: str) -> str:
    """Returns a text as a terminal may get it: what one cannot see stands in it as an escape, such as \\x1b."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def _printable(found: Any) -> Any:
    """What a file holds may come from anywhere, and all of it may be printed."""
    if isinstance(found, dict):
        return {printable(name): _printable(each) for name, each in found.items()}
    if isinstance(found, list):
        return [_printable(each) for each in found]
    return printable(found) if isinstance(found, str) else found


def _a(kind: type[Kind], found: Any) -> Kind:
    if not isinstance(found, kind):
        raise TypeError(f"{found!r} is no {kind.__name__}")
    return found


def _read_role(found: Any) -> Role:
    name, limits = _a(list, found)
    return Role(_a(str, name), [_a(str, each) for each in _a(list, limits)])


def _read_log(organisation_id: Any, handle: Any, last_number: Any) -> Log:
    return Log(_a(int, organisation_id), _a(str, handle), _a(int, last_number))


def describe(connection: "psycopg.Connection[Any]", settings: Settings, program: int) -> Contents:
    """Look at a database as its owner, in a transaction that sees what the dump will hold."""
    return Contents(
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        version=version("activity-log"),
        schema=last_step(connection),
        server=connection.info.server_version // 10_000,
        program=program,
        installation=installation(connection),
        owner=_role(connection, settings.database_owner_url),
        app=_role(connection, settings.database_url),
        keys=_keys(connection, settings),
        logs=logs(connection),
    )


def installation(connection: "psycopg.Connection[Any]") -> str:
    """Returns the identity of the installation in a database; empty when it has none."""
    if not _exists(connection, "platform"):
        return ""
    row = connection.execute("SELECT id FROM platform").fetchone()
    return str(row[0]) if row else ""


def logs(connection: "psycopg.Connection[Any]") -> list[Log]:
    """Returns how far the log of each organisation goes."""
    return [Log(*row) for row in connection.execute(LOGS)]


def limits(connection: "psycopg.Connection[Any]", role: str) -> list[str]:
    """Returns the settings that are a role's own."""
    row = connection.execute("SELECT rolconfig FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    return sorted(row[0] or []) if row else []


def _role(connection: "psycopg.Connection[Any]", url: str) -> Role:
    name = urlsplit(url).username or ""
    return Role(name, limits(connection, name))


def _keys(connection: "psycopg.Connection[Any]", settings: Settings) -> dict[str, str]:
    """The ids stand before the first dot of what is sealed; what a schema of before has not is passed over."""
    known = fingerprints(settings.encryption_keys)
    used: set[str] = set()
    for table, column in sealed_columns():
        if connection.execute(COLUMN, [table, column]).fetchone():
            query = USED_KEYS.format(sql.Identifier(column), sql.Identifier(table))
            used |= {str(row[0]) for row in connection.execute(query)}
    return {each: known.get(each, "") for each in sorted(used)}


def _exists(connection: "psycopg.Connection[Any]", table: str) -> bool:
    return connection.execute("SELECT to_regclass(%s)", [f"public.{table}"]).fetchone() != (None,)


LOGS = """
    SELECT id, handle, COALESCE(last_number, 0)
      FROM organisations LEFT JOIN activity_heads ON organisation_id = id
     ORDER BY id
"""
USED_KEYS = sql.SQL("SELECT DISTINCT split_part({0}, '.', 1) FROM {1} WHERE {0} <> ''")
COLUMN = """
    SELECT attname FROM pg_attribute
     WHERE attrelid = to_regclass('public.' || %s) AND attname = %s AND NOT attisdropped
"""
