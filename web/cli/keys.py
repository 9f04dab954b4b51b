"""`activity-log keys`: what seals values at rest."""

import base64
import os

import click

from models.sealed import CannotOpen
from models.system import rotation
from web.cli.connection import connected


@click.group()
def keys() -> None:
    """Make and rotate the keys that seal values at rest."""


@keys.command()
def new() -> None:
    """Print a fresh key; docs/operations.md says how ENCRYPTION_KEYS gets it without a pause."""
    click.echo(base64.b64encode(os.urandom(32)).decode())


@keys.command()
def rotate() -> None:
    """Seal everything again with the first of ENCRYPTION_KEYS; afterwards the others can be dropped."""
    with connected():
        try:
            done = sum(rotation.rotate())
        except CannotOpen as error:
            raise click.ClickException(f"{error}. Nothing more was changed; add that key and run it again.") from None
        left = rotation.remaining()
    click.echo(f"{done} values sealed again, {left} left under other keys.")
