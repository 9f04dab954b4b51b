"""`activity-log web`, `worker`, `runtime` and `scheduler`: the long-running processes."""

import os
import sys

import click

from models.settings import OF_SCHEDULER, OF_SEALER, OF_WORKER
from web.cli.first import first_account
from web.cli.settings import read_settings
from worker.publisher import QUEUE, RUNTIME_QUEUE, SEAL_QUEUE


@click.command()
@click.option("--workers", default=2, show_default=True, help="Web processes.")
@click.option("--socket", help="The number of a socket that listens already, instead of HOST and PORT.")
def web(workers: int, socket: str | None) -> None:
    """Serve the dashboard on HOST and PORT."""
    found = read_settings()
    if found.signup == "invite" and (address := first_account(found)):
        click.echo(f"Nobody has an account here yet. Make the first one at {address}")
    listening = socket or f"{found.host}:{found.port}"
    become("web.serving", listening, str(workers), "web.wsgi:app")


@click.command()
@click.option("--concurrency", default=2, show_default=True, help="Worker processes, at most; one when it is idle.")
@click.option("--log-level", default="warning", show_default=True, help="What is printed: info names every task.")
def worker(concurrency: int, log_level: str) -> None:
    """Run jobs (cascades, mail), seal the log, and charge for usage every minute."""
    read_settings(needed=OF_SEALER)
    become("worker.working", "worker@%h", f"{QUEUE},{SEAL_QUEUE}", "prefork", str(concurrency), log_level)


@click.command()
@click.option("--concurrency", default=16, show_default=True, help="Threads.")
@click.option("--log-level", default="warning", show_default=True, help="What is printed: info names every task.")
def runtime(concurrency: int, log_level: str) -> None:
    """Make the container engine run what should run: deploy, stop and remove."""
    read_settings(needed=OF_WORKER)
    # Threads, since it waits for an engine most of the time.
    become("worker.working", "runtime@%h", RUNTIME_QUEUE, "threads", str(concurrency), log_level)


@click.command()
@click.option("--log-level", default="warning", show_default=True, help="What is printed: info names every hint.")
def scheduler(log_level: str) -> None:
    """Send the periodic hints: unfinished jobs are looked at again every 15 seconds."""
    read_settings(needed=OF_SCHEDULER)
    become("worker.schedule", log_level)


def become(program: str, *arguments: str) -> None:
    """Go on as another of our programs, in the environment of this one."""
    # Celery warns root of messages that carry code. Ours are JSON that names rows, and Docker's socket is often root's.
    quiet = ["-W", "ignore:You're running the worker with superuser privileges"]
    os.execv(sys.executable, [sys.executable, *quiet, "-m", program, *arguments])  # noqa: S606 (our own programs)
