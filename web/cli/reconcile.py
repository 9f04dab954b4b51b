"""`activity-log reconcile`: what the runtime process does on its schedule, once, without a broker."""

import click

from web.cli.serve import become
from web.cli.settings import find_settings


@click.command()
def reconcile() -> None:
    """Make the container engine run what should run, here and now."""
    find_settings()
    become("worker.engine")
