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
# Where the demo leaves its sign-in, for the next start to tell.
SIGN_IN = "demo-sign-in.txt"
# Settings that `jobs`, `billing` and the other commands must share with the processes of `up` in order to act on the
# same platform. libpq's own variables (PG…) are shared too, since they can lead a connection elsewhere.
TOLD = (
    *REQUIRED,
    "DATABASE_OWNER_URL",
    "DATA_DIR",
    "DOCKER_HOST",
    "DOCKER_TLS_VERIFY",
    "DOCKER_CERT_PATH",
    "HEALTH_SECONDS",
    "SUSPENSION_GRACE_HOURS",
)
LIBPQ = "PG"
# A process names its connections after itself.
OWN = "PGAPPNAME"
Tell = Callable[[Mapping[str, str]], None]


@contextmanager
def alone(folder: Path) -> Iterator[Tell]:
    """Hold a folder of data for one `up` alone; the kernel gives the lock back when it dies. Raises CannotStart.

    Yields a function that leaves the environment of its processes where the other commands find it.
    """
    try:
        folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        # Not truncated yet: what is in it may belong to another `up`.
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
    """Take on the whole environment of the `up` that runs over the folder.

    Half of it would mix two servers or two engines. Nothing changes when no `up` runs there, or another user's does.
    """
    if found := _told(folder):
        take_on(found)


def take_on(environ: Mapping[str, str]) -> None:
    """Make what leads to servers and engine in our environment that of another one."""
    for name in filter(_is_told, list(os.environ)):
        del os.environ[name]
    os.environ.update({name: value for name, value in environ.items() if _is_told(name)})


def _is_told(name: str) -> bool:
    return name in TOLD or (name.startswith(LIBPQ) and name != OWN)


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
