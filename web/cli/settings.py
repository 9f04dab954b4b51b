"""What the commands share: the settings, and a connection without a web server."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import flask

from models import database, sealed
from models.settings import REQUIRED, Settings, SettingsError
from web.cli.local.alone import adopt
from worker import hint, output


def read_settings(nor: str = "") -> Settings:
    """Returns the settings from the environment; ends the program with one message that names all that is wrong.

    `nor` says where else they were looked for.
    """
    try:
        return Settings.from_environment(os.environ)
    except SettingsError as error:
        raise click.ClickException(f"{error}{nor}. See “Configuration” in docs/operations.md.") from None


def find_settings() -> Settings:
    """Returns the settings from the environment, or those of an `up` on this machine, which it puts there."""
    nor = ""
    if not any(os.environ.get(name) for name in REQUIRED):
        folder = Path(os.environ.get("DATA_DIR") or "var").resolve()
        adopt(folder)
        nor = f", and no `activity-log up` of this user runs over {folder}"
    return read_settings(nor)


@contextmanager
def connected() -> Iterator[Settings]:
    """Connect to the servers of `find_settings`; yields the settings."""
    found = find_settings()
    bare = flask.Flask("activity-log")
    for module in (sealed, database, hint, output):
        module.attach(bare, found)
    with bare.app_context():
        yield found
