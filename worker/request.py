"""A message that a worker has in hand, from the moment it was taken until it is acknowledged."""

from typing import Any

from celery.worker.request import Request


class WatchfulRequest(Request):  # type: ignore[misc]  # Celery ships no types
    """A request whose acknowledgement, when it fails, counts as a lost broker, so that the worker connects anew.

    Celery would only log it. But Kombu counts a message as in hand until its acknowledgement has succeeded, and a
    worker takes no more messages than it has hands: one whose hands were all full when the broker went would never take
    another. (Whoever has a hand free waits for a message, and so notices by itself.)
    """

    def __init__(self, message: Any, **named: Any) -> None:
        # The errors that are logged instead of raised (kombu.message.Message.ack_log_error).
        super().__init__(message, **{**named, "connection_errors": ()})
