"""`activity-log up`: everything on this machine, in the right order, and all of it ended by Ctrl-C."""

import errno
import os
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from models.settings import Settings, SettingsError, with_files
from web.cli.first import first_account
from web.cli.local.alone import SIGN_IN, alone
from web.cli.local.embedded import servers
from web.cli.local.notice import Notice
from web.cli.local.server import CannotStart, Server
from web.cli.local.stop import Stop, Stopped
from web.cli.local.supervisor import Child, Supervisor, end, ourselves
from web.serving.listening import listen

READY_SECONDS = 120
LONG_RUNNING = ("web", "worker", "runtime", "scheduler")
# Longer than a web process takes to end whose `up` was killed: its grace and what follows are seven seconds.
PORT_SECONDS = 15
LOOK_SECONDS = 0.2
# A proxy that the environment names cannot reach our own address.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@click.command()
def up() -> None:
    """Start everything on this machine: servers (unless told of others), web, worker, runtime and scheduler.

    Fills a demo on the first start (DEMO=0 leaves the platform empty). What ends is started again. Ctrl-C ends all of
    it.
    """
    host, port = os.environ.get("HOST") or "127.0.0.1", os.environ.get("PORT") or "8000"
    folder = Path(os.environ.get("DATA_DIR") or "var").resolve()
    stop = Stop()
    stop.listen()
    goes_on: list[str] = []
    try:
        with alone(folder) as tell, ExitStack() as stack:
            listening = stack.enter_context(_listen(host, port, stop))
            click.echo("Starting …")
            started: list[Server] = []
            with _first_start(folder) as anew:
                environ = stack.enter_context(
                    servers(folder, with_files(os.environ), started=started.append, anew=anew, pause=stop.pause)
                )
                environ |= {"DATA_DIR": str(folder)}
                _fill(environ, stop)
            tell(environ)
            notice = Notice(environ)
            stack.callback(notice.close)
            # When the runtime has ended, and the servers have not.
            stack.callback(lambda: goes_on.append(notice.end()))
            children = stack.enter_context(_children(environ, listening))
            supervisor = Supervisor([*started, *children])
            click.echo(notice.begin(stop.pause))
            address = _address(host, port)
            _wait_until_ready(address, supervisor, stop)
            click.secho(f"\n  Activity Log is ready:  {address}", bold=True)
            _print_sign_in(folder, environ)
            click.echo("  Ctrl-C ends everything that was started here.\n")
            while True:
                supervisor.look()
                stop.pause(LOOK_SECONDS)
    except Stopped:
        click.echo("\n".join(["", "Everything is ended.", *filter(None, goes_on)]))
    except (CannotStart, SettingsError) as error:
        raise click.ClickException("\n".join([str(error), *filter(None, goes_on)])) from None


def _address(host: str, port: str) -> str:
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"


def _listen(host: str, port: str, stop: Stop) -> socket.socket:
    """Wait a little for the address: the web process of an `up` that was killed may be about to end.

    Raises CannotStart.
    """
    end = time.monotonic() + PORT_SECONDS
    told = False
    while True:
        try:
            return listen(host, int(port))
        except (OSError, ValueError, OverflowError) as error:
            if getattr(error, "errno", None) != errno.EADDRINUSE or time.monotonic() > end:
                raise CannotStart(
                    f"{host}:{port} cannot be used ({error}). Set another one, such as PORT=8001."
                ) from None
        if not told:
            click.echo(f"{host}:{port} is in use; waiting a moment, in case that is about to end …")
            told = True
        stop.pause(LOOK_SECONDS)


@contextmanager
def _first_start(folder: Path) -> Iterator[bool]:
    """Yield whether to make the database anew: a first start that was cut short has left part of a demo in it.

    Nobody else can have written to it, since web and worker start only after this block.
    """
    unfinished = folder / "first-start-unfinished"
    anew = unfinished.exists()
    if not (folder / "postgresql").exists():
        unfinished.touch()
    yield anew
    unfinished.unlink(missing_ok=True)


def _fill(environ: dict[str, str], stop: Stop) -> None:
    """Bring the schema up to date, and fill the demo into a database that is empty."""
    commands = [("migrate",), ("demo", "--if-empty")] if Settings.from_environment(environ).demo else [("migrate",)]
    for command in commands:
        if stop.run(ourselves(*command), environ):
            raise CannotStart(f"activity-log {' '.join(command)} failed; what it printed is above.")


@contextmanager
def _children(environ: dict[str, str], listening: socket.socket) -> Iterator[list[Child]]:
    """Run our long-running processes while the block runs."""
    children: list[Child] = []
    try:
        for name in LONG_RUNNING:
            children.append(Child(name, environ, listening if name == "web" else None))
        yield children
    finally:
        end(children)


def _wait_until_ready(address: str, supervisor: Supervisor, stop: Stop) -> None:
    end = time.monotonic() + READY_SECONDS
    while not _healthy(address):
        supervisor.look()
        if time.monotonic() > end:
            raise CannotStart(f"{address}/healthz did not answer within {READY_SECONDS} s; what went wrong is above.")
        stop.pause(LOOK_SECONDS)


def _healthy(address: str) -> bool:
    try:
        with DIRECT.open(f"{address}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _print_sign_in(folder: Path, environ: dict[str, str]) -> None:
    file = folder / SIGN_IN
    if first := first_account(Settings.from_environment(environ)):
        click.echo(f"  First account:          {first}")
    elif file.exists():
        email, password = file.read_text().split()
        click.echo(f"  Demo sign-in:           {email}  {password}")
