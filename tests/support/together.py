"""Several people at the same moment: real threads, real transactions, real locks."""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import psycopg
from flask import Flask

from models.transaction import transaction

PATIENCE_SECONDS = 60
WAITING = """
    SELECT count(*) FROM pg_stat_activity
     WHERE datname = current_database() AND state = 'active' AND wait_event_type = 'Lock'
"""


class Deed:
    """A verb called in a thread of its own, in its own session and transaction."""

    def __init__(
        self,
        app: Flask,
        verb: Callable[[], Any],
        start: Callable[[], Any] = lambda: None,
        within: Callable[[], AbstractContextManager[Any]] = transaction,
    ) -> None:
        self._outcome: Any = None
        self._within = within
        self._thread = threading.Thread(target=self._do, args=(app, verb, start), daemon=True)
        self._thread.start()

    @property
    def under_way(self) -> bool:
        """Whether its transaction has not ended yet."""
        return self._thread.is_alive()

    @property
    def outcome(self) -> Any:
        """What the verb gave, or the error it raised, once its transaction has ended."""
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive(), "still waiting for a lock"
        return self._outcome

    def _do(self, app: Flask, verb: Callable[[], Any], start: Callable[[], Any]) -> None:
        with app.app_context():
            start()
            try:
                with self._within():
                    self._outcome = verb()
            except Exception as error:
                self._outcome = error


def together(app: Flask, *verbs: Callable[[], Any]) -> list[Any]:
    """Call the verbs at the same moment; what each of them gave or raised."""
    gate = threading.Barrier(len(verbs))
    deeds = [Deed(app, verb, gate.wait) for verb in verbs]
    return [each.outcome for each in deeds]


def meanwhile(
    app: Flask,
    superuser: psycopg.Connection,
    verb: Callable[[], Any],
    within: Callable[[], AbstractContextManager[Any]] = transaction,
    waiting: int = 1,
) -> Deed:
    """Call the verb beside the caller's open transaction; returns once so many wait for a lock.

    `within` is `nullcontext` for what opens its own transactions.
    """
    deed = Deed(app, verb, within=within)
    end = time.monotonic() + PATIENCE_SECONDS
    while superuser.execute(WAITING).fetchone() != (waiting,):
        assert deed.under_way, f"did not wait: {deed.outcome!r}"
        assert time.monotonic() < end, "never waited for a lock"
        time.sleep(0.002)
    return deed
