"""What the commands share: the settings, and a connection without a web server."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import flask

from models.database import connect
from models.sealed import KEYRING
from models.settings import REQUIRED, Settings, SettingsError
from web.cli.local.alone import adopt


def read_settings(nor: str = "") -> Settings:
    """Returns the settings from the environment; ends the program with one message that names all that is wrong.

    `nor` says where else they were looked for.
    """
    try:
        return Settings.from_environment(os.environ)
    except SettingsError as error:
        raise click.ClickException(f"{error}{nor}. See “Configuration” in docs/operations.md.") from None


@contextmanager
def connected() -> Iterator[Settings]:
    """Connect to the database that the environment names, or that an `up` on this machine runs; yields the settings."""
    nor = ""
    if not any(os.environ.get(name) for name in REQUIRED):
        folder = Path(os.environ.get("DATA_DIR") or "var").resolve()
        adopt(folder)
        nor = f", and no `activity-log up` of this user runs over {folder}"
    found = read_settings(nor)
    KEYRING.load(found.encryption_keys)
    bare = flask.Flask("activity-log")
    connect(bare, found.database_url)
    with bare.app_context():
        yield found
