"""A file that a process touches while it is at work: looking at it is the cheapest health check there is."""

from pathlib import Path
from typing import Any

from celery.bootsteps import StartStopStep

EVERY_SECONDS = 30


def touch(file: str) -> None:
    """Note that this process is at work; nothing when no file was named."""
    if file:
        Path(file).touch()


class Touching(StartStopStep):  # type: ignore[misc]  # Celery ships no types
    """The part of a Celery worker that touches the file, as long as it has a broker to take messages from."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._file: str = consumer.app.conf.alive_file
        self._again: Any = None

    def start(self, consumer: Any) -> None:
        """Touch it now and from time to time: there is a connection."""
        touch(self._file)
        self._again = consumer.timer.call_repeatedly(EVERY_SECONDS, touch, (self._file,))

    def stop(self, consumer: Any) -> None:
        """Touch it no more: the connection is lost, or the worker ends."""
        if self._again is not None:
            consumer.timer.cancel(self._again)
            self._again = None
