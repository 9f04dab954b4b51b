"""One round by hand, as `activity-log reconcile` starts it: what the runtime process does on its schedule."""

import os

import click

from models.settings import OF_WORKER, Settings
from worker.app import create_app
from worker.engine import connection
from worker.engine.interface import EngineDown, NoEngine
from worker.engine.reconcile import converge_all


@click.command()
def main() -> None:
    """Make the container engine run what should run, here and now, without a broker."""
    with create_app(Settings.from_environment(os.environ, OF_WORKER)).app_context():
        found = connection.report()
        if found is None:
            raise click.ClickException("The engine does not answer. Check DOCKER_HOST and that it runs.")
        if isinstance(found, NoEngine):
            raise click.ClickException("There is no engine: set DOCKER_HOST.")
        try:
            done = converge_all(found)
        except EngineDown as down:
            raise click.ClickException(f"The engine has stopped answering: {down}") from None
    click.echo(f"Brought {done} in line." if done else "Everything runs as it should.")


if __name__ == "__main__":
    main()
