"""The WSGI application behind an event loop (ASGI 3.0): a request takes a thread once it is whole, and gives it back
before its answer leaves.

Whoever sends or reads slowly, or not at all, holds a connection (connection.py limits those) and never a thread. The
price is that there are no endless answers: each is complete before its first byte is sent.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from io import BytesIO
from tempfile import TemporaryFile
from typing import IO, Any
from urllib.parse import unquote_to_bytes

THREADS = 8
"""Of each process, for requests: enough that some answer while others wait for the database or hash a password."""
BODY_MOST_BYTES = 1024 * 1024
BODY_SECONDS = 20
# A thread that is not free by then will not be soon: the database hangs, or more is asked than can be answered.
QUEUE_SECONDS = 2
# A larger answer goes through a file; a page has a twentieth of it.
ANSWER_MOST_BYTES = 1024 * 1024
BLOCK_BYTES = 64 * 1024

# Answers beside everything else: whoever watches over us asks for it when nothing else answers.
APART = frozenset({"/healthz"})
CLOSE = (b"connection", b"close")

Environ = dict[str, Any]
Headers = list[tuple[bytes, bytes]]
Answer = tuple[int, Headers, "bytes | IO[bytes]"]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class BodyTooSlow(Exception):
    """The body was not there in time."""


class Gone(Exception):
    """The client went away before its request was whole."""


class NoThreadFree(Exception):
    """Too many requests take too long."""


class Buffered:
    """Calls a WSGI application with whole requests, on threads."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._threads, self._own_thread = ThreadPoolExecutor(THREADS, "request"), ThreadPoolExecutor(1, "apart")
        self._free, self._own_free = asyncio.Semaphore(THREADS), asyncio.Semaphore(1)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One request."""
        headers = _wsgi_headers(scope["headers"])
        try:
            body = await self._body(headers, receive)
            answer = await self._on_a_thread(scope, headers, body)
        except Gone:
            return
        except BodyTooSlow:
            answer = _plain(HTTPStatus.REQUEST_TIMEOUT, "What you sent did not arrive in time.")
        except NoThreadFree:
            answer = _plain(HTTPStatus.SERVICE_UNAVAILABLE, "Busy. Nothing was changed. Try again in a moment.")
        await _send(send, *answer)

    async def _body(self, headers: Environ, receive: Receive) -> bytes:
        """All of it. One that is too large is not read: from its length alone the application answers 413.

        A request has a body if it says how long it is, or that it comes in chunks (RFC 9112, section 6).
        """
        chunked = headers.pop("HTTP_TRANSFER_ENCODING", None)
        declared = int(headers.get("CONTENT_LENGTH") or 0)
        if not (chunked or declared) or declared > BODY_MOST_BYTES:
            return b""
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(BODY_SECONDS):
                more = True
                while more and size <= BODY_MOST_BYTES:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Gone
                    parts.append(message["body"])
                    size += len(message["body"])
                    more = message["more_body"]
        except TimeoutError:
            raise BodyTooSlow from None
        headers["CONTENT_LENGTH"] = str(size)
        return b"".join(parts) if size <= BODY_MOST_BYTES else b""

    async def _on_a_thread(self, scope: Message, headers: Environ, body: bytes) -> Answer:
        is_apart = scope["path"] in APART
        threads, free = (self._own_thread, self._own_free) if is_apart else (self._threads, self._free)
        if free.locked():
            try:
                await asyncio.wait_for(free.acquire(), QUEUE_SECONDS)
            except TimeoutError:
                raise NoThreadFree from None
        else:
            await free.acquire()
        try:
            loop = asyncio.get_running_loop()
            status, found, content = await loop.run_in_executor(threads, self._run, scope, headers, body)
        finally:
            free.release()
        if "HTTP_EXPECT" in headers and headers.get("CONTENT_LENGTH") != str(len(body)):
            # A body that was not asked for may follow or not (RFC 9110, section 10.1.1): nothing else can.
            found.append(CLOSE)
        return status, found, content

    def _run(self, scope: Message, headers: Environ, body: bytes) -> Answer:
        """Call the application as PEP 3333 says, and take all of its answer."""
        started: list[Any] = []

        def start(status: str, headers: list[tuple[str, str]], _error: Any = None) -> Callable[[bytes], object]:
            started[:] = int(status[:3]), [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
            return written.append

        written: list[bytes] = []
        parts: Iterable[bytes] = self._application(_environ(scope) | headers | {"wsgi.input": BytesIO(body)}, start)
        try:
            content = _collect(iter(parts))
        finally:
            if close := getattr(parts, "close", None):
                close()
        assert not written, "an application that calls write() is none of ours"
        status, found = started
        return status, found, content


def _wsgi_headers(headers: Headers) -> Environ:
    """As the application reads them: bytes as Latin-1, whatever they are (RFC 9110, section 5.5).

    Several of one name are joined by commas (section 5.3), cookies by semicolons (RFC 9113, section 8.2.3). A name with
    an underscore would pass for the one with a hyphen, which a proxy in front may vouch for: it is left out.
    """
    found: Environ = {}
    for name, value in headers:
        if b"_" in name:
            continue
        key = name.decode("latin-1").upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        text = value.decode("latin-1")
        found[key] = f"{found[key]}{'; ' if key == 'HTTP_COOKIE' else ','}{text}" if key in found else text
    return found


def _environ(scope: Message) -> Environ:
    host, port = scope["server"] or ("", 0)
    client, client_port = scope["client"] or ("", 0)
    return {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        # Of the bytes as they came: what is not UTF-8 must not turn into something else here.
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "REMOTE_ADDR": client,
        "REMOTE_PORT": str(client_port),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }


def _collect(parts: Iterator[bytes]) -> bytes | IO[bytes]:
    kept: list[bytes] = []
    size = 0
    for part in parts:
        kept.append(part)
        size += len(part)
        if size > ANSWER_MOST_BYTES:
            file = TemporaryFile()  # noqa: SIM115 (closed once it is sent)
            file.writelines(kept)
            file.writelines(parts)
            return file
    return b"".join(kept)


async def _send(send: Send, status: int, headers: Headers, content: bytes | IO[bytes]) -> None:
    length = len(content) if isinstance(content, bytes) else content.tell()
    # RFC 9110, section 8.6: neither of these has one of its own.
    if status not in (204, 304) and not any(name.lower() == b"content-length" for name, _ in headers):
        headers.append((b"content-length", b"%d" % length))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if isinstance(content, bytes):
        await send({"type": "http.response.body", "body": content})
        return
    with content as file:
        file.seek(0)
        while block := file.read(BLOCK_BYTES):
            await send({"type": "http.response.body", "body": block, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def _plain(status: HTTPStatus, sentence: str) -> Answer:
    """What the application has no part in. The connection ends with it: its request may never be whole."""
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store"), CLOSE]
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.append((b"retry-after", b"2"))
    return status, headers, sentence.encode()
