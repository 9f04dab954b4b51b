"""`activity-log migrate`."""

from urllib.parse import urlsplit

import click
import psycopg

from models.migrations import migrate as bring_up_to_date
from web.cli.settings import read_settings


@click.command()
def migrate() -> None:
    """Bring the database's schema up to date, as its owner (DATABASE_OWNER_URL)."""
    found = read_settings()
    if not found.database_owner_url:
        raise click.ClickException("DATABASE_OWNER_URL is not set: migrations run as the owner of the schema.")
    role = urlsplit(found.database_url).username
    if not role or role == urlsplit(found.database_owner_url).username:
        raise click.ClickException(
            "DATABASE_URL and DATABASE_OWNER_URL must name two different roles: what keeps the log honest is that web "
            "and worker may only add to it."
        )
    try:
        with psycopg.connect(found.database_owner_url) as connection:
            known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    except psycopg.OperationalError as error:
        raise click.ClickException(f"The database does not answer: {error}") from None
    if known is None:
        raise click.ClickException(
            f"There is no role {role} in the database. Create it first: CREATE ROLE {role} LOGIN …"
        )
    bring_up_to_date(found.database_owner_url, role)
    click.echo("The schema is up to date.")
