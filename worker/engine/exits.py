"""How containers have ended, overheard from the engine: once one runs again, the engine itself has forgotten it."""

import logging
import threading
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from docker.errors import DockerException
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from models.numbers import whole_number

log = logging.getLogger(__name__)
REMEMBERED_MOST = 10_000
# What happened before the first question: as much as the engine still knows.
BEFORE = timedelta(minutes=5)
BYTE = 255


class Exit(NamedTuple):
    """How a container ended the last time."""

    code: int | None = None
    out_of_memory_at: datetime | None = None
    """When the kernel last killed something in it for want of memory."""


class Exits:
    """Listens in a thread of its own for as long as the engine talks; `listen` begins again when it has stopped."""

    def __init__(self, api: Any, labels: dict[str, list[str]]) -> None:
        self._api, self._filters = api, {**labels, "type": "container", "event": ["die", "oom"]}
        self._since = datetime.now(UTC) - BEFORE
        self._known: OrderedDict[str, Exit] = OrderedDict()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def listen(self) -> None:
        """See that someone listens."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._hear, name="exits", daemon=True)
                self._thread.start()

    def of(self, container: str) -> Exit:
        """Returns how a container ended the last time, as far as it was heard."""
        return self._known.get(container, Exit())

    def _hear(self) -> None:
        # A quiet engine is asked anew after a while, by whoever looks at it next: the connection has a time limit.
        try:
            for event in self._api.events(since=self._since, filters=self._filters, decode=True):
                self._note(event)
        except (DockerException, RequestException, HTTPError, OSError, ValueError) as end:
            log.debug("the engine is not listened to for a moment: %s", end)

    def _note(self, event: dict[str, Any]) -> None:
        about = event.get("Actor", {})
        container, at = str(about.get("ID", "")), datetime.fromtimestamp(event.get("time", 0), UTC)
        known = self._known.get(container, Exit())
        if event.get("Action") == "oom":
            known = known._replace(out_of_memory_at=at)
        else:
            known = known._replace(code=whole_number(about.get("Attributes", {}).get("exitCode", ""), BYTE))
        self._since = at
        self._known[container] = known
        self._known.move_to_end(container)
        while len(self._known) > REMEMBERED_MOST:
            self._known.popitem(last=False)
