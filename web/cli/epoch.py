"""`activity-log epoch`: what an operator does when the database is not the one that was sealed last."""

import sys
from datetime import UTC, datetime

import click

from models.log import seal
from models.log.trees import META
from models.system import published, sealing
from web.cli.connection import connected

WENT_BACK = 3
REASON_MOST = 500


@click.group()
def epoch() -> None:
    """Epochs of the sealed log: a new one begins by hand alone."""


@epoch.command()
def show() -> None:
    """Print the epoch, its last checkpoint and what is not sealed; ends with 3 when the database has gone back."""
    with connected() as settings:
        number, newest, refused = seal.epoch(), seal.last(META), seal.refusals()
        kept = published.read(settings.sealed)
    if not number:
        click.echo("Nothing is sealed yet.")
        return
    click.echo(f"Epoch {number}: {newest.size if newest else 0} checkpoints.")
    click.echo(f"\n{newest.note if newest else 'Nothing is sealed in it yet.'}")
    if newest and kept != newest.note:
        click.echo(f"{settings.sealed} has another one.")
    for each in refused:
        about = f"Organisation {each.organisation_id}" if each.organisation_id else "Nothing"
        said = "is not sealed any further" if each.organisation_id else "is sealed any further"
        click.secho(f"{about} {said} since {each.since:%Y-%m-%d %H:%M} UTC: {each.reason}", fg="red")
    if any(each.organisation_id == META for each in refused):
        sys.exit(WENT_BACK)


@epoch.command()
@click.option("--reason", required=True, help="Why, for everyone who verifies the log: it stands in it for good.")
def new(reason: str) -> None:
    """Have everything sealed anew as the database holds it now, under another name of the log.

    Whoever keeps an older checkpoint sees that: it is for a database that was restored, never for a tidy start.
    """
    told = " ".join(reason.split())
    if not told or len(told) > REASON_MOST:
        raise click.UsageError(f"A reason has 1 to {REASON_MOST} characters.")
    with connected() as settings:
        if not seal.epoch():
            raise click.ClickException("Nothing is sealed yet.")
        try:
            begun = sealing.begin_epoch(settings.sealed, told, datetime.now(UTC))
        except OSError as error:
            raise click.ClickException(f"{settings.sealed} cannot be put aside: {error.strerror}.") from None
    click.echo(f"Epoch {begun} has begun. The worker seals it from the first entry of every organisation.")
