"""`activity-log logs`: what something that runs has written lately."""

import time
from collections.abc import Iterator
from typing import NoReturn

import click

from models import installation
from models.errors import NotFound
from models.installation import NO_ENGINE
from models.jobs import deployment, deployment_history
from models.jobs.deployment import DeploymentKey
from models.jobs.output import LINES_MOST, Line, Output
from models.kinds.catalogue import RUNNING
from models.kinds.resource import by_handle as of_handle
from models.kinds.running import Running
from models.organisation import by_handle
from models.sealed import CannotOpen
from web.cli.connection import connected
from worker import output
from worker.output import Unreachable

ANSWER_SECONDS = 6.0
FOLLOW_SECONDS = 2.0


@click.command()
@click.argument("resource")
@click.option("--revision", type=click.IntRange(1, deployment.LATEST - 1), help="A deployment; otherwise what serves.")
@click.option("--lines", default=100, show_default=True, type=click.IntRange(1, LINES_MOST), help="The last so many.")
@click.option("--times", is_flag=True, help="Say when each line was written.")
@click.option("--follow", "-f", is_flag=True, help="Go on with what is written from now on, until Ctrl-C.")
def logs(resource: str, revision: int | None, lines: int, times: bool, follow: bool) -> None:
    """Print what RESOURCE, organisation/project/handle, has written lately.

    The runtime process reads it from the engine. Values that it was given are hidden.
    """
    with connected():
        thing = _find(resource)
        key = DeploymentKey(*thing.key, revision or thing.deployed_revision or thing.revision)
        shown: list[Line] = []
        for found in _again_and_again(key) if follow else [_read(key)]:
            new = [line for line in found.lines[-lines:] if line not in shown]
            for line in new:
                node = f"node {line.node} | " if len({each.node for each in found.lines}) > 1 else ""
                click.echo(f"{f'{line.at} ' if times else ''}{node}{line.text}")
            shown = list(found.lines)


def _find(resource: str) -> Running:
    parts = resource.strip("/").split("/")
    if len(parts) != 3:
        raise click.BadParameter("give organisation/project/handle, such as acme/web/my-api")
    organisation = by_handle(parts[0])
    if organisation is None:
        raise click.ClickException(f"There is no organisation {parts[0]}.")
    try:
        project = organisation.find_project(parts[1])
    except NotFound as missing:
        raise click.ClickException(str(missing)) from None
    # No two of them that are alive have one handle: it is their address in the project.
    found = [each for kind in RUNNING if (each := of_handle(kind, organisation.id, project.id, parts[2]))]
    if not found:
        raise click.ClickException(f"Nothing that runs is called {parts[2]} in {parts[0]}/{parts[1]}.")
    return min(found, key=lambda each: each.ended_at is not None)


def _again_and_again(key: DeploymentKey) -> Iterator[Output]:
    while True:
        yield _read(key)
        time.sleep(FOLLOW_SECONDS)


def _read(key: DeploymentKey) -> Output:
    try:
        if kept := deployment_history.last_output(key):
            return kept
        found = output.wait(key, ANSWER_SECONDS)
    except CannotOpen as sealed:
        _end(f"{sealed}.")
    except Unreachable:
        _end("Redis, over which the runtime process is asked, does not answer.")
    if found is None:
        nobody = installation.engine().engine == NO_ENGINE
        _end("There is no engine: set DOCKER_HOST." if nobody else "The runtime process does not answer.")
    if found.output.problem:
        _end(found.output.problem)
    if not found.output.is_there:
        _end(f"Nothing of revision {key.revision} is on the engine.")
    return found.output


def _end(why: str) -> NoReturn:
    raise click.ClickException(why)
