"""One `up` at a time over a folder of data, and how the other commands find what it runs."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from models.settings import REQUIRED
from web.cli.local.server import CannotStart

FILE = "lock"
# What `jobs`, `billing` and the rest must have in common with the processes that `up` starts, in order to act on the
# same platform; libpq's own variables too, which turn a connection to somewhere else.
TOLD = (
    *REQUIRED,
    "DATA_DIR",
    "DOCKER_HOST",
    "DOCKER_TLS_VERIFY",
    "DOCKER_CERT_PATH",
    "HEALTH_SECONDS",
    "SUSPENSION_GRACE_HOURS",
)
LIBPQ = "PG"
Tell = Callable[[Mapping[str, str]], None]


@contextmanager
def alone(folder: Path) -> Iterator[Tell]:
    """The data belong to one `up` at a time; the kernel gives the lock back when it dies. Raises CannotStart.

    Yields what tells the other commands the environment of its processes, once they have one.
    """
    try:
        folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        # Not truncated yet: what is in it may be another one's.
        file = os.open(folder / FILE, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise CannotStart(f"Data cannot be kept in {folder} ({error.strerror}). Set another DATA_DIR.") from None
    with os.fdopen(file, "r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(f"It is already running over {folder}. Use another DATA_DIR for a second one.") from None
        os.fchmod(file, 0o600)  # it holds passwords
        lock.truncate()

        def tell(environ: Mapping[str, str]) -> None:
            json.dump({name: value for name, value in environ.items() if _is_told(name)}, lock)
            lock.flush()

        try:
            yield tell
        finally:
            lock.seek(0)
            lock.truncate()


def adopt(folder: Path) -> None:
    """Make the environment that of what an `up` over the folder runs, as a whole: half of another one would lead to
    another server or another engine. Nothing changes when none is running, or it is another user's.
    """
    if found := _told(folder):
        for name in filter(_is_told, list(os.environ)):
            del os.environ[name]
        os.environ.update(found)


def _is_told(name: str) -> bool:
    return name in TOLD or name.startswith(LIBPQ)


def _told(folder: Path) -> dict[str, str]:
    try:
        with (folder / FILE).open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                said = lock.read()
                return json.loads(said) if said else {}
    except OSError:
        pass
    return {}
