"""`activity-log reconcile`: what the runtime process does on its schedule, once, without a broker."""

import click

from web.cli.settings import connected
from worker.engine import connection
from worker.engine import reconcile as rounds
from worker.engine.interface import EngineDown, NoEngine


@click.command()
def reconcile() -> None:
    """Make the container engine run what should run, here and now."""
    with connected() as settings:
        found = connection.report(settings)
        if found is None:
            raise click.ClickException("The engine does not answer. Check DOCKER_HOST and that it runs.")
        if isinstance(found, NoEngine):
            raise click.ClickException("There is no engine: set DOCKER_HOST.")
        try:
            done = rounds.converge_all(found)
        except EngineDown as down:
            raise click.ClickException(f"The engine has stopped answering: {down}") from None
    click.echo(f"Brought {done} in line." if done else "Everything runs as it should.")
