"""A connection to database and broker without a web server."""

from collections.abc import Iterator
from contextlib import contextmanager

import flask

from models import database, sealed
from models.settings import Settings
from web.cli.settings import find_settings
from worker import hint, output


@contextmanager
def connected() -> Iterator[Settings]:
    """Connect to the servers of `find_settings`; yields the settings."""
    found = find_settings()
    bare = flask.Flask("activity-log")
    for module in (sealed, database, hint, output):
        module.attach(bare, found)
    with bare.app_context():
        yield found
