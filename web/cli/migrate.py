"""`activity-log migrate`."""

from urllib.parse import urlsplit

import click
import psycopg

from models.migrations import last_step, steps
from models.migrations import migrate as bring_up_to_date
from models.settings import OF_OWNER
from web.cli.settings import read_settings


@click.command()
def migrate() -> None:
    """Bring the database's schema up to date, as its owner (DATABASE_OWNER_URL)."""
    found = read_settings(needed=OF_OWNER)
    role = urlsplit(found.database_url).username
    if not role or role == urlsplit(found.database_owner_url).username:
        raise click.ClickException(
            "DATABASE_URL and DATABASE_OWNER_URL must name two different roles: what keeps the log honest is that web "
            "and worker may only add to it."
        )
    try:
        with psycopg.connect(found.database_owner_url) as connection:
            known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
            has = last_step(connection)
    except psycopg.OperationalError as error:
        raise click.ClickException(f"The database does not answer: {error}") from None
    if known is None:
        raise click.ClickException(
            f"There is no role {role} in the database. Create it first: CREATE ROLE {role} LOGIN …"
        )
    if has not in ("", *steps()):
        raise click.ClickException(
            f"This database was made by a newer version (its schema is {has}, this version knows {steps()[-1]}): start "
            "that version, or restore a backup of before (docs/operations.md)."
        )
    bring_up_to_date(found.database_owner_url, role)
    click.echo("The schema is up to date.")
