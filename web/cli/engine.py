"""`activity-log engine`: what runs on the container engine, as an operator sees and ends it."""

import subprocess
import sys
from datetime import UTC, datetime

import click

from models.jobs.waiting import waiting
from models.system import strays
from web.cli.connection import connected
from web.cli.settings import adopt_unless_told, reached
from web.words import to_the_second

of_another = click.option("--installation", metavar="ID", help="Of another installation, such as one that is gone.")


@click.group()
def engine() -> None:
    """Look at what runs on the container engine, and end all of it."""


@engine.command("list")
@of_another
def list_containers(installation: str | None) -> None:
    """Show our containers, and which other installations have some there."""
    _do("list", installation)


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
            f"revision {each.revision}  {each.image_id[:19]}  found {to_the_second(each.found_at)}  "
            f"removed after {to_the_second(each.removed_at)}"
        )


@engine.command()
def faults() -> None:
    """Show which deployments wait because the engine cannot carry them out, by fault."""
    with connected():
        found = waiting(datetime.now(UTC))
    if not found:
        click.echo("There are none.")
    for each in found:
        click.echo(
            f"{each.deployments}  {each.fault}: {each.fault.words}; tried again at {to_the_second(each.next_at)}"
        )


@engine.command()
@of_another
@click.option("--yes", is_flag=True, help="Do not ask.")
def down(installation: str | None, yes: bool) -> None:
    """Remove all our containers and networks; the next `runtime` brings up again what should run."""
    _do("down", installation, *(["--yes"] if yes else []))


def _do(what: str, installation: str | None, *options: str) -> None:
    # Another program does it, since the engine is the worker's.
    command = [sys.executable, "-m", "worker.engine.by_hand", what, *options]
    if installation:
        adopt_unless_told()  # no database is needed to know of what is named
        done = subprocess.run([*command, "--installation", installation], check=False)  # noqa: S603
    else:
        with reached():
            done = subprocess.run(command, check=False)  # noqa: S603
    sys.exit(done.returncode)
