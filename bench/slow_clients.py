"""Clients that send a byte a second, and clients that ask and do not read."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

PATIENCE_SECONDS = 15
BEGUN_BODY = b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n" + (
    b"Content-Length: 1000\r\n\r\nemail=a"
)
# More than there is room for on the way to someone who does not read.
MANY_REQUESTS = b"GET /login HTTP/1.1\r\nHost: localhost\r\n\r\n" * 150


def connect(port: int, receive_buffer: int = 0) -> socket.socket:
    """A connection to a server on this machine."""
    client = socket.socket()
    client.settimeout(PATIENCE_SECONDS)
    if receive_buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.connect(("127.0.0.1", port))
    return client


@contextmanager
def slow_clients(port: int, senders: int, non_readers: int) -> Iterator[list[socket.socket]]:
    """So many that send a byte a second of a body, and so many that ask again and again and never read."""
    sending = [connect(port) for _ in range(senders)]
    for each in sending:
        each.sendall(BEGUN_BODY)
    asking = [connect(port, receive_buffer=4096) for _ in range(non_readers)]
    for each in asking:
        each.setblocking(False)
        with suppress(BlockingIOError):
            each.send(MANY_REQUESTS)
    ended = threading.Event()

    def drip() -> None:
        while not ended.wait(1):
            for each in sending:
                with suppress(OSError):
                    each.send(b"b")

    dripping = threading.Thread(target=drip, daemon=True)
    dripping.start()
    try:
        yield [*sending, *asking]
    finally:
        ended.set()
        dripping.join()
        for each in [*sending, *asking]:
            each.close()
