"""What an operator does with the engine by hand: look at what there is of an installation, and end all of it."""

import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import click
import flask

from models import database, installation, sealed
from models.installation import NO_ENGINE
from models.settings import OF_WORKER, Settings
from models.system import desired
from models.transaction import transaction
from worker.engine.docker import DockerEngine
from worker.engine.interface import EngineDown, Instance, Refused, engine_host

AT_ONCE = 16
of_another = click.option(
    "--installation", "named", metavar="ID", help="Of another installation, such as one that is gone."
)


@click.group()
def main() -> None:
    """What `activity-log engine` does."""


@main.command("list")
@of_another
def list_containers(named: str | None) -> None:
    """Show the containers of an installation, and which others have some there."""
    with _platform(named) as mine:
        found = _engine(mine)
        with _answering():
            containers, others = found.instances(), found.installations()
            click.echo(f"{found.name()}, installation {mine}: {_count(len(containers), 'container')}.")
        handles = {} if named else _handles(containers)
    for each in sorted(containers, key=lambda each: (each.key, each.revision, each.node)):
        name = handles.get(each, f"{each.key.organisation_id}/{each.key.id}")
        state = "coming up" if each.coming else "running" if each.running else "stopped"
        click.echo(f"  {each.key.noun} {name}  revision {each.revision}, node {each.node}  {state}  {each.id[:12]}")
    for identity, count in sorted(others.items()):
        if identity != mine:
            click.echo(f"Another installation, {identity}, has {_count(count, 'container')} there.")


@main.command()
@of_another
@click.option("--yes", is_flag=True, help="Do not ask.")
def down(named: str | None, yes: bool) -> None:
    """Remove all containers and networks of an installation."""
    with _platform(named) as mine:
        if not named and installation.is_looked_after():
            raise click.ClickException("The runtime process would start them again: end it first.")
    found = _engine(mine)
    with _answering():
        containers, networks, name = found.instances(), found.networks(), found.name()
        told = f"{_count(len(containers), 'container')} and {_count(len(networks), 'network')}"
        if not (containers or networks):
            click.echo(f"{name} has nothing of the installation {mine}.")
            return
        yes or click.confirm(f"Remove {told} of the installation {mine} from {name}?", abort=True)
        with ThreadPoolExecutor(AT_ONCE) as threads:
            refused = [each for each in threads.map(lambda each: _remove(found, each), containers) if each]
        for network in networks:
            try:
                found.remove_network(network)
            except Refused as reason:
                refused.append(str(reason))
    if refused:
        raise click.ClickException("; ".join(dict.fromkeys(refused)))
    click.echo(f"Removed {told}. What should run is brought up again when `activity-log runtime` is started.")


@main.command()
@click.option("--installation", "named")
def look(named: str | None) -> None:
    """Print for `activity-log up` what the engine is and how many containers run there, as JSON."""
    host = engine_host(os.environ.get("DOCKER_HOST", ""))
    said: dict[str, object] = {"host": host, "name": NO_ENGINE}
    if host is not None:
        with _platform(named) as mine:
            said["installation"] = mine
        try:
            found = DockerEngine(host, mine, health_seconds=1)
            said |= {"name": found.name(), "running": sum(each.running for each in found.instances())}
        except EngineDown as down:
            said["error"] = str(down)
    json.dump(said, sys.stdout)


@contextmanager
def _platform(named: str | None) -> Iterator[str]:
    """Yields the identity of the installation, inside an app that knows its database unless another one is named."""
    if named:
        yield named
        return
    settings = Settings.from_environment(os.environ, OF_WORKER)
    app = flask.Flask("engine")
    for module in (sealed, database):
        module.attach(app, settings)
    with app.app_context():
        with transaction():
            mine = installation.identity()
        yield mine


def _engine(identity: str) -> DockerEngine:
    host = engine_host(os.environ.get("DOCKER_HOST", ""))
    if host is None:
        raise click.ClickException("There is no engine: set DOCKER_HOST.")
    with _answering():
        return DockerEngine(host, identity, health_seconds=1)


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except EngineDown as down:
        raise click.ClickException(f"The engine does not answer: {down}") from None


def _handles(containers: list[Instance]) -> dict[Instance, str]:
    wanted = {each.key: each.handle for each in desired.everything({each.key for each in containers})}
    return {each: wanted[each.key] for each in containers if each.key in wanted}


def _remove(found: DockerEngine, instance: Instance) -> str:
    try:
        found.remove(instance)
    except Refused as refused:
        return str(refused)
    return ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


if __name__ == "__main__":
    main(prog_name="activity-log engine")
