"""`activity-log engine`: what this installation has on its container engine."""

from datetime import UTC, datetime

import click

from models.jobs.waiting import waiting
from models.system import strays
from web.cli.settings import connected
from web.words import utc


@click.group()
def engine() -> None:
    """Look at what this installation has on its container engine."""


@engine.command("strays")
def list_strays() -> None:
    """Show the stopped instances that no deployment in this database has made, and when each is removed."""
    with connected():
        found = strays.kept()
    if not found:
        click.echo("There are none.")
    for each in found:
        click.echo(
            f"{each.instance[:12]}  {each.key.organisation_id}/{each.key.noun or '?'}/{each.key.id}  "
            f"revision {each.revision}  {each.image_id[:19]}  found {utc(each.found_at)}  "
            f"removed after {utc(each.removed_at)}"
        )


@engine.command()
def faults() -> None:
    """Show which deployments wait because the engine cannot carry them out, by fault."""
    with connected():
        found = waiting(datetime.now(UTC))
    if not found:
        click.echo("There are none.")
    for each in found:
        click.echo(f"{each.deployments}  {each.fault}: {each.fault.words}; tried again at {utc(each.next_at)}")
