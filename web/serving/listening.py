"""The socket on which the web server listens."""

import socket

BACKLOG = 1024
# Of each connection, in the kernel. Left to itself it gives 4 MiB to a client that does not read.
SEND_BUFFER_BYTES = 256 * 1024


def listen(host: str, port: int) -> socket.socket:
    """From now on connections wait for whoever serves them. Raises OSError or OverflowError."""
    family, *_, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listening = socket.create_server(place, family=family, backlog=BACKLOG, dualstack_ipv6=host == "::")
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)  # connections inherit it
    return listening
