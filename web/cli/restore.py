"""`activity-log restore`."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import flask
import psycopg

from models import database
from models.log.proof.checkpoint import Checkpoint
from models.log.proof.note import BadNote, Note
from models.migrations import steps
from models.sealed import fingerprints
from models.settings import Settings
from models.system import published
from web.cli.erasures import apply_list
from web.cli.saved import archive, programs
from web.cli.saved.contents import Contents, Log, Role, installation, limits, logs
from web.cli.settings import as_owner

LISTED = 20
# What needs no quotes in SQL; settings of extensions have a dot.
IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--instead-of", metavar="URL", help="The database that it replaces, if that answers: says what is lost.")
@click.option("--without-keys", is_flag=True, help="Restore although keys are missing: what they sealed stays sealed.")
def restore(file: Path, instead_of: str | None, without_keys: bool) -> None:
    """Bring FILE back into an empty database; everything but PostgreSQL is to be stopped.

    The log goes on from its last number. `activity-log migrate` then brings a backup of an earlier version up to date.
    """
    contents = archive.read_contents(file)
    with as_owner(make=True) as found:
        _require_known_schema(contents)
        if not without_keys:
            _require_keys(contents, found)
        try:
            with psycopg.connect(found.database_owner_url, autocommit=True) as connection:
                server = connection.info.server_version // 10_000
                _require_fit(contents, found, connection, server)
            _restore(contents, found, file, server)
            with psycopg.connect(found.database_owner_url, autocommit=True) as connection:
                _tell(contents, connection)
                _tell_of_seals(found.sealed, connection)
            _erase_again(contents, found)
        except psycopg.OperationalError as error:
            raise click.ClickException(f"The database does not answer: {error}") from None
    _tell_of_loss(contents, instead_of)


def _restore(contents: Contents, found: Settings, file: Path, server: int) -> None:
    program = programs.fitting("pg_restore", least=contents.program, best=server)
    reached, environ = programs.reaching(found.database_owner_url)
    # All of it or nothing. Whoever restores owns it, whatever the owner was called.
    options = ["--single-transaction", "--exit-on-error", "--no-owner", "--no-password"]
    archive.feed_dump(file, [str(program.path), *options, f"--dbname={reached}"], environ)


def _require_known_schema(contents: Contents) -> None:
    if contents.schema not in ("", *steps()):
        raise click.ClickException(
            f"This backup was made by a newer version ({contents.version}, schema {contents.schema}): restore it with "
            "that one."
        )


def _require_keys(contents: Contents, found: Settings) -> None:
    """Every key that the sealed values need must be there, and be the same one."""
    have = fingerprints(found.encryption_keys)
    missing = [
        f"{key} ({mark or 'unknown'})" for key, mark in contents.keys.items() if not mark or have.get(key) != mark
    ]
    if missing:
        raise click.ClickException(
            f"ENCRYPTION_KEYS has not the keys that the backup's sealed values need: {', '.join(missing)}. Add them, "
            "for data of `activity-log up` by copying secrets.json of the old DATA_DIR into the new one; or restore "
            "--without-keys, and what they sealed must be entered anew."
        )


def _require_fit(contents: Contents, found: Settings, connection: "psycopg.Connection[Any]", server: int) -> None:
    if server < contents.server:
        raise click.ClickException(
            f"The backup is of PostgreSQL {contents.server}, and this server is {server}: use one that is not older."
        )
    [tables] = connection.execute(TABLES).fetchone() or (0,)
    if tables:
        raise click.ClickException(
            f"The database {connection.info.dbname} is not empty ({tables} tables), and a backup is restored into an "
            "empty one only. Make one as docs/operations.md says under “Roles”, and name it in DATABASE_URL and "
            "DATABASE_OWNER_URL; for `activity-log up`, set another DATA_DIR or move that one's folder postgresql away."
        )
    role = urlsplit(found.database_url).username or ""
    if role != contents.app.name:
        raise click.ClickException(
            f"The backup gives its rights to the role {contents.app.name}, and DATABASE_URL names {role}: create "
            f"that role, and name it there."
        )


def _tell(contents: Contents, connection: "psycopg.Connection[Any]") -> None:
    entries = sum(each.last_number for each in contents.logs)
    click.echo(
        f"Restored what there was on {contents.made_at}: {len(contents.logs)} organisations with {entries} entries, of "
        f"the installation {contents.installation or 'without an identity'}."
    )
    _list([f"{each.handle} goes on from entry {each.last_number + 1}" for each in contents.logs])
    if contents.schema != steps()[-1]:
        click.echo(
            f"Its schema is of an earlier version ({contents.schema}): `activity-log migrate` brings it up to date."
        )
    for role in (contents.owner, contents.app):
        _tell_of_limits(role, limits(connection, role.name))


def _tell_of_seals(file: Path, connection: "psycopg.Connection[Any]") -> None:
    """Say what lets the worker notice that the log went back, or is in its way because it did."""
    try:
        note = published.read(file)
        kept = None if note is None else Checkpoint.parse(Note.parse(note).text)
    except (OSError, UnicodeDecodeError, BadNote) as error:
        click.echo(f"{file} cannot be read, so nothing will be sealed: {error}", err=True)
        return
    [has_seals] = connection.execute("SELECT to_regclass('public.activity_checkpoints') IS NOT NULL").fetchone() or (0,)
    if kept is None:
        is_begun = has_seals and connection.execute("SELECT 1 FROM activity_epochs LIMIT 1").fetchone()
        begin = "; where that is lost, run `activity-log epoch new --reason …`" if is_begun else ""
        click.echo(
            f"There is no {file}, without which nobody notices that the log has gone back: before the worker starts, "
            f"copy it from the old machine{begin}."
        )
    elif not has_seals or not connection.execute(PUBLISHED, (kept.size, kept.root)).fetchone():
        click.echo(f"{file} knows of later entries: nothing is sealed before `activity-log epoch new --reason …`.")


def _erase_again(contents: Contents, found: Settings) -> None:
    file = found.list_of_erasures
    if not file.exists():
        return
    if contents.schema != steps()[-1]:
        click.echo(f"After that, `activity-log erasures apply {file}` erases again what was erased since.")
        return
    bare = flask.Flask("activity-log")
    database.attach(bare, found)
    with bare.app_context():
        if not apply_list(file):
            click.echo(f"Remove them, then `activity-log erasures apply {file}`.", err=True)


def _tell_of_limits(role: Role, have: list[str]) -> None:
    for each in sorted(set(role.limits) - set(have)):
        name, _, value = each.partition("=")
        # To be pasted into psql: a quote must not end what it stands in.
        setting = f"{_identifier(name)} = " + "'{}'".format(value.replace("'", "''"))
        click.echo(
            f"The role {role.name} had a limit that it has not here: ALTER ROLE {_identifier(role.name)} SET {setting};"
        )


def _identifier(name: str) -> str:
    return name if IDENTIFIER.fullmatch(name) else '"{}"'.format(name.replace('"', '""'))


def _tell_of_loss(contents: Contents, instead_of: str | None) -> None:
    if instead_of is None:
        click.echo(
            "What was recorded after that is not in it, and those numbers will be given to other entries. The database "
            "that it replaces knows which, if it still answers: --instead-of URL."
        )
        return
    try:
        with psycopg.connect(instead_of, autocommit=True) as connection:
            theirs, of = logs(connection), installation(connection)
    except psycopg.Error as error:
        click.echo(f"The database that it replaces cannot be asked what is lost: {error}", err=True)
        return
    if of != contents.installation:
        click.echo(
            f"The database that it is to replace is of another installation ({of}): nothing can be said of a loss."
        )
        return
    found = lost(contents.logs, theirs)
    click.echo("Lost:" if found else "Nothing is lost: the database that it replaces has no later entries.")
    _list(found)


def lost(kept: list[Log], theirs: list[Log]) -> list[str]:
    """Returns what the other database has beyond what was kept, a line an organisation."""
    last = {each.organisation_id: each.last_number for each in kept}
    return [
        f"{each.handle}: {each.last_number - before} entries, {before + 1} to {each.last_number}"
        for each in theirs
        if (before := last.get(each.organisation_id, 0)) < each.last_number
    ]


def _list(lines: list[str]) -> None:
    for each in lines[:LISTED]:
        click.echo(f"  {each}")
    if len(lines) > LISTED:
        click.echo(f"  and {len(lines) - LISTED} more organisations")


PUBLISHED = "SELECT 1 FROM activity_checkpoints WHERE organisation_id = 0 AND size = %s AND root = %s"
TABLES = """
    SELECT count(*) FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
       AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype = 'e')  -- of an extension
"""
