"""`activity-log backup`."""

import os
from pathlib import Path

import click
import psycopg

from models.settings import Settings
from web.cli.saved import archive, programs
from web.cli.saved.contents import Contents, describe
from web.cli.settings import as_owner


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
def backup(file: Path) -> None:
    """Save the database to FILE, which must not exist yet; everything goes on meanwhile.

    The keys that its sealed values need are not in it, only their fingerprints.
    """
    # `Path.exists` is false of a link that leads nowhere, and raises for a name that is too long.
    if os.path.lexists(file):
        raise click.ClickException(f"{file} exists already, and a backup replaces nothing. Name another file.")
    with as_owner() as found:
        try:
            contents = _save(found, file)
        except psycopg.OperationalError as error:
            raise click.ClickException(f"The database does not answer: {error}") from None
        except OSError as error:
            raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from None
    entries = sum(each.last_number for each in contents.logs)
    click.echo(f"Saved {len(contents.logs)} organisations with {entries} entries to {file}.")
    _tell_of_keys(contents)
    click.echo(
        f"The file {found.sealed} of the machine with the worker, which shows that a database went back, is not in it: "
        "keep that elsewhere, always the newest one."
    )


def _save(found: Settings, file: Path) -> Contents:
    with psycopg.connect(found.database_owner_url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        # However long the dump takes, which sees what this transaction sees.
        connection.execute("SET idle_in_transaction_session_timeout = 0")
        [snapshot] = connection.execute("SELECT pg_export_snapshot()").fetchone() or ("",)
        server = connection.info.server_version // 10_000
        program = programs.fitting("pg_dump", least=server, best=server)
        contents = describe(connection, found, program.major)
        reached, environ = programs.reaching(found.database_owner_url)
        command = [
            str(program.path),
            "--format=custom",
            "--no-password",
            f"--snapshot={snapshot}",
            f"--dbname={reached}",
        ]
        with archive.new(file) as making:
            archive.write_dump(making, command, environ)
            archive.write_contents(making, contents)
    return contents


def _tell_of_keys(contents: Contents) -> None:
    for key, fingerprint in contents.keys.items():
        if fingerprint:
            click.echo(
                f"It needs the key {key} ({fingerprint}) of ENCRYPTION_KEYS, which is not in it: keep that elsewhere."
            )
        else:
            click.echo(f"Values in it are sealed with the key {key}, which is not among ENCRYPTION_KEYS.", err=True)
