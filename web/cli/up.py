"""`activity-log up`: everything on this machine, in the right order, and all of it ended by Ctrl-C."""

import ctypes
import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import IO

import click

from web.cli.demo import SIGN_IN
from web.cli.embedded import servers
from web.cli.server import CannotStart

READY_SECONDS = 60
STOP_SECONDS = 10
LONG_RUNNING = ("web", "worker", "scheduler")
PR_SET_PDEATHSIG = 1  # prctl(2)


class Stopped(Exception):
    """Someone asked us to end."""


@click.command()
def up() -> None:
    """Start everything on this machine: servers (unless told of others), web, worker and scheduler.

    Fills a demo on the first start (DEMO=0 leaves the platform empty). Ctrl-C ends all of it.
    """
    host, port = os.environ.get("HOST") or "127.0.0.1", os.environ.get("PORT") or "8000"
    folder = Path(os.environ.get("DATA_DIR") or "var").resolve()
    for asked in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(asked, _stop_asked)
    try:
        with _alone(folder), ExitStack() as stack:
            _require_free(host, port)
            click.echo("Starting …")
            environ = stack.enter_context(servers(folder, dict(os.environ)))
            environ["DATA_DIR"] = str(folder)
            _run(environ, "migrate")
            if environ.get("DEMO", "1") != "0":
                _run(environ, "demo", "--if-empty")
            children = {name: stack.enter_context(_child(name, environ)) for name in LONG_RUNNING}
            address = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"  # noqa: S104
            _wait_until_ready(address, children)
            click.secho(f"\n  Activity Log is ready:  {address}", bold=True)
            _print_sign_in(folder)
            click.echo("  Ctrl-C ends everything.\n")
            _watch(children)
    except Stopped:
        click.echo("\nEverything is ended.")
    except CannotStart as error:
        raise click.ClickException(str(error)) from None


def _stop_asked(_signal: int, _frame: FrameType | None) -> None:
    # Once is enough: a second Ctrl-C must not interrupt the ending.
    for asked in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(asked, signal.SIG_IGN)
    raise Stopped


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """The data belong to one `up` at a time; the kernel gives the lock back when it dies."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(f"It is already running over {folder}. Use another DATA_DIR for a second one.") from None
        yield


def _require_free(host: str, port: str) -> None:
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, int(port)))
    except (OSError, ValueError, OverflowError) as error:
        raise CannotStart(f"{host}:{port} cannot be used ({error}). Set another one, such as PORT=8001.") from None


def _run(environ: dict[str, str], *command: str) -> None:
    if subprocess.run(_ourselves(*command), env=environ, check=False, stdin=subprocess.DEVNULL).returncode:  # noqa: S603
        raise CannotStart(f"activity-log {' '.join(command)} failed; what it printed is above.")


@contextmanager
def _child(name: str, environ: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A long-running process of ours, and its children, while the block runs."""
    child = subprocess.Popen(  # noqa: S603
        _ourselves(name),
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
        preexec_fn=_die_with_parent,
    )
    assert child.stdout is not None
    threading.Thread(target=_forward, args=(name, child.stdout), daemon=True).start()
    try:
        yield child
    finally:
        _end(child)


def _end(child: subprocess.Popen[str]) -> None:
    for how, patience in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, STOP_SECONDS)):
        try:
            os.killpg(child.pid, how)
            child.wait(patience)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
    child.poll()


def _die_with_parent() -> None:
    # Linux only; elsewhere a killed `up` leaves its children to be ended by hand.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _forward(name: str, lines: IO[str]) -> None:
    for line in lines:
        click.echo(f"{name:9} | {line.rstrip()}")


def _wait_until_ready(address: str, children: dict[str, subprocess.Popen[str]]) -> None:
    end = time.monotonic() + READY_SECONDS
    while not _healthy(address):
        _require_alive(children)
        if time.monotonic() > end:
            raise CannotStart(f"{address}/healthz did not answer within {READY_SECONDS} s; what went wrong is above.")
        time.sleep(0.2)


def _healthy(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/healthz", timeout=2) as answer:  # noqa: S310 (our own address)
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _watch(children: dict[str, subprocess.Popen[str]]) -> None:
    while True:
        _require_alive(children)
        time.sleep(0.5)


def _require_alive(children: dict[str, subprocess.Popen[str]]) -> None:
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
