"""Doing something: one transaction, in the name of the person, with the hints sent once it is committed."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from werkzeug.wrappers import Response

from models.database import db
from models.log import record
from models.log.actor import Actor
from models.log.record import Record
from models.settings import Settings
from models.transaction import transaction
from web import flashes
from web.access import actor
from worker.hint import hint_all, hint_at_log


@contextmanager
def acting() -> Iterator[Actor]:
    """Call one verb in the block: it happens with its entry, or not at all. Whatever the verb raises passes through."""
    written: list[Record] = []
    with transaction(written) as hints:
        yield actor()
    flashes.keep(written)
    if hint_all(hints) and written:
        hint_at_log()


def attach(app: Flask, _: Settings) -> None:
    """A view that changes something outside `acting` would answer "done" and lose it: make that an error."""

    @app.after_request
    def nothing_left(response: Response) -> Response:
        if not db.session.registry.has():
            return response
        session = db.session
        if response.status_code < 400 and (session.new or session.dirty or session.deleted or record.pending()):
            raise RuntimeError("a change was made outside acting() and would be lost")
        return response
