"""`activity-log keys`: what seals values at rest, and what signs the log."""

import base64
import os

import click

from models import installation
from models.log import seal
from models.log.signing import SigningKeys
from models.log.trees import META, Tree
from models.organisation import by_handle
from models.sealed import CannotOpen, fingerprints
from models.system import rotation
from models.transaction import transaction
from web.cli.connection import connected


@click.group()
def keys() -> None:
    """Make, list and rotate the keys that seal values at rest, and those that sign the log."""


@keys.command()
def new() -> None:
    """Print a fresh key; docs/operations.md says how ENCRYPTION_KEYS or SIGNING_KEYS gets it without a pause."""
    click.echo(base64.b64encode(os.urandom(32)).decode())


@keys.command("list")
@click.option(
    "--org", metavar="HANDLE", help="The verifier keys of one organisation's log instead of the installation's."
)
def list_keys(org: str | None) -> None:
    """Print the keys by id: fingerprints of those that seal at rest, verifier keys of those that sign.

    A verifier key is public, and names the log that it verifies. None of them tells anything of the private half.
    """
    with connected() as settings:
        name = _origin(org)
        mine = SigningKeys(settings.signing_keys).publics()
        used = seal.publics()
    for key_id, fingerprint in fingerprints(settings.encryption_keys).items():
        click.echo(f"seals   {key_id}  {fingerprint}")
    for each in dict.fromkeys([*mine[:1], *used, *mine]):
        now = "signs   " if each in mine[:1] else "signed  " if each in used else "waits   "
        click.echo(f"{now}{each.id}  {each.verifier(name)}")


def _origin(handle: str | None) -> str:
    organisation = by_handle(handle) if handle else None
    if handle and organisation is None:
        raise click.ClickException(f"There is no organisation {handle}.")
    with transaction():
        installation_id = installation.identity()
    return seal.origin(installation_id, Tree(organisation.id if organisation else META, seal.epoch() or 1))


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
