"""What a full feed page costs the web server's CPU, against a bare Flask page of the same bytes on the same server."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlencode

from bench.common import Goal, Ground, Row, compare
from bench.ground import EMAIL
from bench.processes import PATIENCE_SECONDS, PROGRAM, Server, environment, free_port, running
from models.kinds.memcached import Memcached
from models.organisation import by_handle
from models.transaction import transaction

ROUNDS, TIMES = 7, 500
# CPU time is counted in steps of 10 ms: enough requests that the cheap page makes many of them, too.
TIMES_BARE = 3000
GOAL = Goal(5)
ENTRIES = 50
FORM = "application/x-www-form-urlencoded"


def rows(ground: Ground) -> Iterator[Row]:
    """Signed in, 50 entries: the newest page as the whole document."""
    path = f"/orgs/{ground.organisations[ground.big].handle}/activity"
    with product(ground, path) as served:
        body = served.ask(1)
        assert body.count(b'class="entry') >= ENTRIES, "not a full page"
        with _bare(ground, served, len(body)) as bare:
            what, against = "CPU of a full feed page", f"a bare Flask page of {len(body):,} bytes"
            full, empty = partial(served.cpu_per_request, TIMES), partial(bare.cpu_per_request, TIMES_BARE)
            yield compare(what, full, against, empty, GOAL, rounds=ROUNDS)
        for what, page, goal in _others(ground):
            other = partial(replace(served, path=page).cpu_per_request, TIMES)
            yield compare(f"CPU of {what}", other, "a full feed page", full, goal, rounds=ROUNDS)


def _others(ground: Ground) -> Iterator[tuple[str, str, Goal]]:
    """Pages that hold a feed of their own, with what stands above it."""
    organisation = by_handle(ground.organisations[ground.big].handle)
    assert organisation is not None
    with transaction():
        project = organisation.create_project(ground.ada, name="Pages", handle="pages")
        for number in range(ENTRIES):
            project.create(ground.ada, Memcached, name=f"cache-{number}", handle=f"cache-{number}")
    home = f"/orgs/{organisation.handle}"
    yield "an organisation's dashboard", home, Goal(2)
    yield "a project's page", f"{home}/projects/{project.handle}", Goal(2)
    yield "the personal feed", "/activity", Goal(1.5)


@contextmanager
def product(ground: Ground, path: str) -> Iterator[Server]:
    """`activity-log web`, and Ada signed in to it."""
    port = free_port()
    surroundings = environment(ground.settings) | {"HOST": "127.0.0.1", "PORT": str(port)}
    with running([PROGRAM, "web"], surroundings, ground.settings.data_dir / "web.log") as process:
        Server(process, port, "/login", {}).wait()
        yield Server(process, port, path, {"Cookie": signed_in(port, ground.password)})


@contextmanager
def _bare(ground: Ground, product: Server, size: int) -> Iterator[Server]:
    """The bare page on the very settings of the product's server: its own command line, another application."""
    port = free_port()
    other = {"web.wsgi:app": "bench.bare:app", f"127.0.0.1:{product.port}": f"127.0.0.1:{port}"}
    command = [other.get(word, word) for word in product.process.cmdline()]
    surroundings = environment(ground.settings) | {"BARE_BYTES": str(size)}
    with running(command, surroundings, ground.settings.data_dir / "bare.log") as process:
        server = Server(process, port, "/", {})
        server.wait()
        yield server


def signed_in(port: int, password: str) -> str:
    """The cookie of a session, from the sign-in form."""
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    connection.request("GET", "/login")
    response = connection.getresponse()
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', response.read().decode())
    assert token is not None
    fields = urlencode({"csrf_token": token[1], "email": EMAIL, "password": password, "next": ""})
    headers = {"Content-Type": FORM, "Cookie": _cookies(response)}
    connection.request("POST", "/login", fields, headers)
    response = connection.getresponse()
    response.read()
    assert response.status == 302, response.status
    return _cookies(response)


def _cookies(response: HTTPResponse) -> str:
    """All that an answer sets, as the next request brings them: that of the session and that of the browser."""
    return "; ".join(each.partition(";")[0] for each in response.headers.get_all("Set-Cookie", []))
