"""A client that no browser is: raw bytes over a socket."""

import re
import socket
import time
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlencode

from bench.slow_clients import connect

FORM = "application/x-www-form-urlencoded"
TOKEN = re.compile(rb'name="csrf_token"[^>]*value="([^"]+)"')


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes


def request(method: str, path: str, body: bytes = b"", **headers: str | bytes) -> bytes:
    """The bytes of a request; an underscore in the name of a header stands for a hyphen."""
    given = {"Host": "localhost", **({"Content_Length": str(len(body))} if body else {}), **headers}
    lines = [f"{method} {path} HTTP/1.1".encode("latin-1")]
    for name, value in given.items():
        lines.append(name.replace("_", "-").encode() + b": " + (value.encode() if isinstance(value, str) else value))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def ask(port: int, message: bytes) -> Answer:
    """Send it over a connection of its own, and read one answer."""
    with connect(port) as client:
        client.sendall(message)
        return read(client)


def read(client: socket.socket) -> Answer:
    """One answer, whose length its head tells. Raises ConnectionError when there is none."""
    found = b""
    while b"\r\n\r\n" not in found:
        found += _more(client)
    head, _, body = found.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += _more(client)
    return Answer(int(first.split()[1]), headers, body)


def _more(client: socket.socket) -> bytes:
    if part := client.recv(65536):
        return part
    raise ConnectionError("closed")


def is_closed(client: socket.socket, within: float) -> bool:
    """Whether the server ends the connection in that time; what it still says is thrown away."""
    client.settimeout(within)
    end = time.monotonic() + within
    with suppress(TimeoutError):
        while time.monotonic() < end:
            try:
                if not client.recv(65536):
                    return True
            except ConnectionError:
                return True
    return False


class Browser:
    """Someone with a session at a real server, and with cookies of other applications on the same host."""

    def __init__(self, port: int, others: bytes = b"") -> None:
        self._port, self._others, self._session = port, others, b""

    def get(self, path: str) -> Answer:
        """Open a page."""
        return self._kept(ask(self._port, request("GET", path, Cookie=self._cookies)))

    def send(self, path: str, *, to: str = "", **fields: str) -> Answer:
        """Open the page of a form, and send the form: to the page itself, or to another address."""
        found = TOKEN.search(self.get(path).body)
        assert found
        form = urlencode({"csrf_token": found[1].decode(), **fields}).encode()
        return self._kept(ask(self._port, request("POST", to or path, form, Content_Type=FORM, Cookie=self._cookies)))

    @property
    def _cookies(self) -> bytes:
        return b"; ".join(filter(None, [self._others, self._session]))

    def _kept(self, answer: Answer) -> Answer:
        if cookie := answer.headers.get("set-cookie"):
            self._session = cookie.partition(";")[0].encode()
        return answer
