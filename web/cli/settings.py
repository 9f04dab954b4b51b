"""What the commands share: the settings, and what they lead to."""

import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import click

from models.jobs.places import configured
from models.settings import OF_OWNER, OF_WORKER, REQUIRED, Settings, SettingsError, is_told
from web.cli.local.alone import adopt, alone, take_on
from web.cli.local.embedded import servers
from web.cli.local.server import CannotStart


def read_settings(nor: str = "", needed: Collection[str] = REQUIRED) -> Settings:
    """Returns the settings from the environment; ends the program with one message that names all that is wrong.

    `nor` says where else they were looked for.
    """
    try:
        found = Settings.from_environment(os.environ, needed)
        configured(found)
    except SettingsError as error:
        raise click.ClickException(f"{error}{nor}. See “Configuration” in docs/operations.md.") from None
    return found


def find_settings(needed: Collection[str] = OF_WORKER) -> Settings:
    """Returns the settings from the environment, or those of an `up` on this machine, which it puts there."""
    nor = ""
    if not any(is_told(os.environ, name) for name in REQUIRED):
        folder = _folder()
        adopt(folder)
        nor = f", and no `activity-log up` of this user runs over {folder}"
    return read_settings(nor, needed)


@contextmanager
def as_owner(make: bool = False) -> Iterator[Settings]:
    """Yield the settings with DATABASE_OWNER_URL, as `reached` finds them."""
    with reached(make):
        yield read_settings(needed=OF_OWNER)


@contextmanager
def reached(make: bool = False) -> Iterator[None]:
    """Have the environment lead to a database: the one that it names, of an `up` on this machine, or of its data.

    The data of an `up` that does not run has its PostgreSQL started while the block runs, and made if `make` says so.
    """
    adopt_unless_told()
    with nullcontext() if is_told(os.environ, "DATABASE_URL") else _started(make):
        yield


def adopt_unless_told() -> None:
    """Have the environment lead to what an `up` on this machine uses, unless it names a database."""
    if not is_told(os.environ, "DATABASE_URL"):
        adopt(_folder())


@contextmanager
def _started(make: bool) -> Iterator[None]:
    folder = _folder()
    if not (make or (folder / "postgresql").exists()):
        raise click.ClickException(f"DATABASE_URL is not set, and there is no data of `activity-log up` in {folder}.")
    new = [each for each in (folder / "postgresql", folder / "secrets.json") if not each.exists()]
    try:
        with alone(folder):
            try:
                # A broker is not needed, so none is started.
                with servers(folder, {**os.environ, "REDIS_URL": "redis://none"}) as environ:
                    take_on(environ)
                    yield
            except BaseException:
                # Passwords and data belong together: what was made here must not meet what is copied here next.
                for each in new:
                    shutil.rmtree(each) if each.is_dir() else each.unlink(missing_ok=True)
                raise
    except CannotStart as error:
        raise click.ClickException(str(error)) from None


def _folder() -> Path:
    return Path(os.environ.get("DATA_DIR") or "var").resolve()
