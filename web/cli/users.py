"""`activity-log users`: what an operator does for people who cannot get in."""

from datetime import UTC, datetime

import click

from models.people.account_link import Purpose, make_link
from models.people.user import by_email
from models.transaction import transaction
from web.cli.connection import connected


@click.group()
def users() -> None:
    """Accounts of people."""


@users.command()
@click.argument("email")
def reset(email: str) -> None:
    """Print a link by which the person with this address chooses a new password, once, within an hour."""
    with connected() as found:
        user = by_email(email)
        if user is None:
            raise click.ClickException(f"There is no account with the address {email}.")
        with transaction():
            token = make_link(user, Purpose.RESET, datetime.now(UTC), mailed=False)
        public = found.public_url or f"http://{found.host}:{found.port}"
        click.echo(f"{public.rstrip('/')}/password-reset/{token}")
