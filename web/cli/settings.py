"""What the commands share: the settings, and a connection without a web server."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import click
import flask

from models.database import connect
from models.sealed import KEYRING
from models.settings import Settings, SettingsError


def settings() -> Settings:
    """The settings from the environment; ends the program with one message naming all that is missing."""
    try:
        return Settings.from_environment(os.environ)
    except SettingsError as error:
        raise click.ClickException(f"{error}. See “Configuration” in the README.") from None


@contextmanager
def connected() -> Iterator[Settings]:
    """The database, in a bare app."""
    found = settings()
    KEYRING.load(found.encryption_keys)
    bare = flask.Flask("activity-log")
    connect(bare, found.database_url)
    with bare.app_context():
        yield found
