"""What a client may do to a connection: so many of them, a head so large, and so long to send or to read something.

uvicorn waits for ever for a head, for a body and for someone to read; here each wait has an end. Nobody who waits in
vain holds more than a socket.
"""

import asyncio
from time import monotonic
from typing import Any

from uvicorn import Server
from uvicorn.protocols.http.flow_control import CLOSE_HEADER
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

CONNECTIONS_MOST = 400
"""Of each process; the process needs some files besides, and a body may have a MiB."""
HEAD_MOST_BYTES = 64 * 1024
# For a head from its first byte to its last, for a body, and for making room for more of an answer.
CLIENT_SECONDS = 30
# Longer than proxies keep theirs (nginx: 60 s), so that none sends a request into one that is about to be closed.
IDLE_SECONDS = 75


class Connection(HttpToolsProtocol):
    """A client's connection that knows since when it waits for the client."""

    _since = 0.0
    _in_head = True
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Of too many, the one that has waited longest for its client makes room."""
        super().connection_made(transport)
        self._since = monotonic()
        if len(self.connections) > CONNECTIONS_MOST:
            waiting = [each for each in self.connections if isinstance(each, Connection) and each._waits_for_client]
            min(waiting, key=lambda each: each._since).transport.abort()

    def data_received(self, data: bytes) -> None:
        """Refuses a head that is too large (RFC 6585, section 5)."""
        if not self._in_head and (self.cycle is None or self.cycle.response_complete):
            self._in_head, self._head_bytes, self._since = True, 0, monotonic()
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_MOST_BYTES and not self.transport.is_closing():
                name, value = CLOSE_HEADER
                self.transport.write(STATUS_LINE[431] + b"content-length: 0\r\n" + name + b": " + value + b"\r\n\r\n")
                self.transport.close()

    def on_headers_complete(self) -> None:
        """From here on it is the body that is waited for, if there is one."""
        self._in_head, self._since = False, monotonic()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """From here on it is for the client to read, and to ask again."""
        self._since = monotonic()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """From here on it is for the client to read."""
        self._since = monotonic()
        super().pause_writing()

    def end_if_overdue(self, now: float) -> None:
        """Drop the client that has been waited for too long."""
        if self._waits_for_client and not self._is_idle and now - self._since > CLIENT_SECONDS:
            self.transport.abort()

    @property
    def _waits_for_client(self) -> bool:
        cycle = self.cycle
        return cycle is None or cycle.response_complete or cycle.more_body or self.flow.write_paused

    @property
    def _is_idle(self) -> bool:
        """Between two requests, with nothing left to read: uvicorn closes it after IDLE_SECONDS."""
        transport: Any = self.transport
        return not (self._in_head or transport.is_closing() or transport.get_write_buffer_size()) and (
            self.cycle is not None and self.cycle.response_complete
        )


class PatientServer(Server):
    """uvicorn's, that looks once a second for clients that were waited for too long."""

    async def on_tick(self, counter: int) -> bool:
        """Called ten times a second."""
        if counter % 10 == 0:
            now = monotonic()
            for each in list(self.server_state.connections):
                if isinstance(each, Connection):
                    each.end_if_overdue(now)
        return await super().on_tick(counter)
