"""A message that a worker has in hand, from the moment it was taken until it is acknowledged."""

from typing import Any

from celery.worker.request import Request


class WatchfulRequest(Request):  # type: ignore[misc]  # Celery ships no types
    """A request whose acknowledgement, when it fails, counts as a lost broker, so that the worker connects anew.

    Celery logs such a failure and goes on. But a worker takes no message beyond those it has in hand, and Kombu keeps
    counting one whose acknowledgement failed: when all of them were in hand as the broker went, the worker would never
    take another one. (A worker with a hand free waits for a message, and so notices by itself.)
    """

    def __init__(self, message: Any, **named: Any) -> None:
        # The errors that are logged instead of raised (kombu.message.Message.ack_log_error).
        super().__init__(message, **{**named, "connection_errors": ()})
