"""A WSGI application with the answers that the dashboard does not give yet, for tests of the server."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

LARGE_BYTES = 24 * 1024 * 1024
BLOCK = b"x" * 65536


def app(environ: dict[str, Any], start: Callable[..., object]) -> Iterator[bytes]:
    """What the path asks for."""
    path = environ["PATH_INFO"]
    if path == "/large":
        start("200 OK", [("Content-Type", "text/plain")])
        return iter([BLOCK] * (LARGE_BYTES // len(BLOCK)))
    if path == "/fails":
        raise RuntimeError("as it should")
    if path == "/not-modified":
        start("304 Not Modified", [("ETag", '"1"')])
        return iter([])
    body = environ["wsgi.input"].read()
    told = [
        environ["REQUEST_METHOD"],
        path.encode("latin-1").hex(),
        environ["QUERY_STRING"],
        environ.get("CONTENT_LENGTH", "none"),
        hashlib.sha256(body).hexdigest(),
        environ.get("HTTP_X_FORWARDED_FOR", "none"),
        environ.get("HTTP_COOKIE", "none").encode("latin-1").hex(),
        environ.get("HTTP_ACCEPT", "none"),
    ]
    start("200 OK", [("Content-Type", "text/plain")])
    return iter(["\n".join(told).encode()])
