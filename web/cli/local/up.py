"""`activity-log up`: everything on this machine, in the right order, and all of it ended by Ctrl-C."""

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO

import click

from models.settings import Settings
from web.cli.demo import SIGN_IN
from web.cli.local import launch
from web.cli.local.alone import alone
from web.cli.local.embedded import servers
from web.cli.local.server import CannotStart, Server

READY_SECONDS = 60
STOP_SECONDS = 10
LONG_RUNNING = ("web", "worker", "runtime", "scheduler")
PORT_SECONDS = 5
# Granian waits for ever for a worker that was asked to end before it was ready to listen.
IMPATIENCE = {"GRANIAN_WORKERS_KILL_TIMEOUT": "3"}
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# A proxy that the environment names cannot reach our own address.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Stopped(Exception):
    """Raised when someone asks us to end."""


@click.command()
def up() -> None:
    """Start everything on this machine: servers (unless told of others), web, worker, runtime and scheduler.

    Fills a demo on the first start (DEMO=0 leaves the platform empty). Ctrl-C ends all of it.
    """
    host, port = os.environ.get("HOST") or "127.0.0.1", os.environ.get("PORT") or "8000"
    folder = Path(os.environ.get("DATA_DIR") or "var").resolve()
    _listen_for_the_end()
    try:
        with alone(folder) as tell, ExitStack() as stack:
            _require_free(host, port)
            click.echo("Starting …")
            running: list[Server] = []
            with _first_start(folder) as anew:
                environ = stack.enter_context(servers(folder, dict(os.environ), started=running.append, anew=anew))
                environ |= {"DATA_DIR": str(folder), **IMPATIENCE}
                _fill(environ)
            tell(environ)
            children = stack.enter_context(_children(environ))
            stack.callback(_ignore_signals)  # once it is ending, a Ctrl-C must not interrupt that
            address = _address(host, port)
            _wait_until_ready(address, running, children)
            click.secho(f"\n  Activity Log is ready:  {address}", bold=True)
            _print_sign_in(folder)
            click.echo("  Ctrl-C ends everything.\n")
            _watch(running, children)
    except Stopped:
        click.echo("\nEverything is ended.")
    except CannotStart as error:
        raise click.ClickException(str(error)) from None


def _listen_for_the_end() -> None:
    for asked in ENDINGS:
        # Under nohup, a terminal that closes must not end anything.
        if asked != signal.SIGHUP or signal.getsignal(asked) != signal.SIG_IGN:
            signal.signal(asked, _stop_asked)


def _stop_asked(_signal: int, _frame: FrameType | None) -> None:
    _ignore_signals()
    raise Stopped


def _ignore_signals() -> None:
    for asked in ENDINGS:
        signal.signal(asked, signal.SIG_IGN)


def _address(host: str, port: str) -> str:
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"


def _require_free(host: str, port: str) -> None:
    """Wait a little for the address: the web process of an `up` that was killed may be about to end.

    Raises CannotStart.
    """
    end = time.monotonic() + PORT_SECONDS
    told = False
    while (error := _why_not(host, port)) is not None:
        if not (isinstance(error, OSError) and error.errno == errno.EADDRINUSE) or time.monotonic() > end:
            raise CannotStart(f"{host}:{port} cannot be used ({error}). Set another one, such as PORT=8001.")
        if not told:
            click.echo(f"{host}:{port} is in use; waiting a moment, in case that is about to end …")
            told = True
        time.sleep(0.2)


def _why_not(host: str, port: str) -> Exception | None:
    try:
        family, kind, *_, place = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except (OSError, ValueError, OverflowError) as error:
        return error
    return None


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


def _fill(environ: dict[str, str]) -> None:
    """Bring the schema up to date, and fill the demo into a database that is empty."""
    _run(environ, "migrate")
    if Settings.from_environment(environ).demo:
        _run(environ, "demo", "--if-empty")


def _run(environ: dict[str, str], *command: str) -> None:
    if subprocess.run(_ourselves(*command), env=environ, check=False, stdin=subprocess.DEVNULL).returncode:  # noqa: S603
        raise CannotStart(f"activity-log {' '.join(command)} failed; what it printed is above.")


@contextmanager
def _children(environ: dict[str, str]) -> Iterator[dict[str, subprocess.Popen[str]]]:
    """Run our long-running processes while the block runs; yields them by name."""
    children: dict[str, subprocess.Popen[str]] = {}
    try:
        for name in LONG_RUNNING:
            children[name] = _start(name, environ)
        yield children
    finally:
        _end(list(children.values()))


def _start(name: str, environ: dict[str, str]) -> subprocess.Popen[str]:
    child = subprocess.Popen(  # noqa: S603
        launch.command(_ourselves(name), signal.SIGTERM),
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    assert child.stdout is not None
    threading.Thread(target=_forward, args=(name, child.stdout), daemon=True).start()
    return child


def _end(children: list[subprocess.Popen[str]]) -> None:
    """Ask all of them to end at once, so that it takes as long as the slowest and not as their sum.

    Only the first process of each is asked: a worker's children, asked as well, would drop what they have at hand, and
    the worker would wait for them in vain. What is left after STOP_SECONDS is killed; jobs survive that.
    """
    for child in children:
        child.terminate()
    end = time.monotonic() + STOP_SECONDS
    for child in children:
        with suppress(subprocess.TimeoutExpired):
            child.wait(max(0, end - time.monotonic()))
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
    for child in children:
        child.wait()


def _forward(name: str, lines: IO[str]) -> None:
    for line in lines:
        # Go on reading even when nobody reads our output any more: a full pipe would stop the child.
        with suppress(OSError):
            click.echo(f"{name:9} | {line.rstrip()}")


def _wait_until_ready(address: str, running: list[Server], children: dict[str, subprocess.Popen[str]]) -> None:
    end = time.monotonic() + READY_SECONDS
    while not _healthy(address):
        _require_alive(running, children)
        if time.monotonic() > end:
            raise CannotStart(f"{address}/healthz did not answer within {READY_SECONDS} s; what went wrong is above.")
        time.sleep(0.2)


def _healthy(address: str) -> bool:
    try:
        with DIRECT.open(f"{address}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _watch(running: list[Server], children: dict[str, subprocess.Popen[str]]) -> None:
    while True:
        _require_alive(running, children)
        time.sleep(0.5)


def _require_alive(running: list[Server], children: dict[str, subprocess.Popen[str]]) -> None:
    for server in running:
        if server.process.poll() is not None:
            raise CannotStart(f"{server.name} ended with status {server.process.returncode}; see {server.log}.")
    for name, child in children.items():
        if child.poll() is not None:
            raise CannotStart(f"The {name} process ended with status {child.returncode}; its last words are above.")


def _print_sign_in(folder: Path) -> None:
    file = folder / SIGN_IN
    if file.exists():
        email, password = file.read_text().split()
        click.echo(f"  Demo sign-in:           {email}  {password}")


def _ourselves(*command: str) -> list[str]:
    return [sys.executable, "-c", "from web.cli import main; main(prog_name='activity-log')", *command]
