"""The web server as clients meet it: slow ones, odd ones, and what becomes of a process that dies."""

import hashlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from flask import Flask

from bench.processes import until
from bench.slow_clients import connect, slow_clients
from models.people.user import User
from models.settings import Settings
from tests.conftest import PASSWORD
from tests.support import odd_answers
from tests.support.clients import (
    FORM,
    Answer,
    Browser,
    ask,
    is_closed,
    read,
    request,
)
from tests.support.processes import is_busy
from tests.support.serving import Serving, served

BODY_MOST_BYTES = 1024 * 1024
ODD = "tests.support.odd_answers:app"


@pytest.fixture(scope="module")
def dashboard(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of the dashboard on its server, in two processes."""
    with served(settings, tmp_path_factory.mktemp("dashboard"), processes=2) as server:
        yield server.port


@pytest.fixture(scope="module")
def odd(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of an application with odd answers."""
    with served(settings, tmp_path_factory.mktemp("odd"), ODD) as server:
        yield server.port


@pytest.fixture(scope="module")
def strict(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of an application with odd answers that has little patience, and room for twenty connections."""
    limits = {"buffered_BODY_SECONDS": 1, "connection_CLIENT_SECONDS": 2, "connection_CONNECTIONS_MOST": 20}
    with served(settings, tmp_path_factory.mktemp("strict"), ODD, **limits) as server:
        yield server.port


def seconds_of(port: int) -> float:
    """How long a page takes."""
    begin = time.perf_counter()
    assert ask(port, request("GET", "/login")).status == 200
    return time.perf_counter() - begin


def settle() -> None:
    """Until the server has answered as much as those who do not read have room for, which is work like any other.

    Not by the CPU it uses: beside others it may use little and still be at work.
    """
    end = time.monotonic() + 60
    at_rest = 0
    while at_rest < 10:
        assert time.monotonic() < end
        time.sleep(0.05)
        # Anew, since the second process of a server may be there only now.
        busy = any(map(is_busy, psutil.Process().children(recursive=True)))
        at_rest = 0 if busy else at_rest + 1


def test_fifty_slow_senders_and_fifty_who_do_not_read_delay_nobody(
    app: Flask, dashboard: int, settings: Settings, tmp_path: Path
) -> None:
    """Beside them and without them in turn, at two servers: what else this machine does delays both."""
    with served(settings, tmp_path, processes=2) as other, slow_clients(dashboard, senders=50, non_readers=50):
        settle()
        pairs = [(seconds_of(dashboard), seconds_of(other.port)) for _ in range(300)]

    beside, alone = (sorted(side) for side in zip(*pairs, strict=True))
    # Whoever holds up a process holds up half of all. The slowest few tell of this machine, not of the server.
    for place in (150, 270):
        print(f"{beside[place] * 1000:.1f} ms beside slow clients, {alone[place] * 1000:.1f} ms alone")
        assert beside[place] <= 3 * alone[place]


def test_a_body_that_does_not_arrive_is_given_up_and_said_so(strict: int) -> None:
    with connect(strict) as client:
        client.sendall(request("POST", "/", Content_Length="1000") + b"email=a")
        answer = read(client)

        assert (answer.status, answer.headers["connection"]) == (408, "close")
        assert is_closed(client, 2)


def test_a_byte_now_and_then_does_not_prolong_the_time_for_a_body(strict: int) -> None:
    begin = time.monotonic()
    with connect(strict) as client:
        client.sendall(request("POST", "/", Content_Length="1000"))
        client.settimeout(0.2)
        while time.monotonic() - begin < 10:
            client.sendall(b"a")
            try:
                assert client.recv(4096).startswith(b"HTTP/1.1 408")
                break
            except TimeoutError:
                pass
    assert time.monotonic() - begin < 3


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: local"])
def test_a_head_that_does_not_arrive_is_given_up(strict: int, begun: bytes) -> None:
    with connect(strict) as client:
        client.sendall(begun)
        assert is_closed(client, 5)


def test_a_head_without_end_is_refused(odd: int) -> None:
    with connect(odd) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        for _ in range(65):
            client.sendall(b"X-More: " + b"x" * 1014 + b"\r\n")
            time.sleep(0.01)
        assert read(client).status == 431


def test_someone_who_never_reads_is_dropped(strict: int) -> None:
    with connect(strict, receive_buffer=4096) as client:
        client.sendall(request("GET", "/large"))
        time.sleep(5)
        received = 0
        with pytest.raises(ConnectionError):
            while received < odd_answers.LARGE_BYTES:
                if not (part := client.recv(1 << 20)):
                    raise ConnectionError
                received += len(part)


def test_of_too_many_connections_those_that_wait_longest_make_room(strict: int) -> None:
    silent = [connect(strict) for _ in range(60)]
    try:
        begin = time.monotonic()
        assert ask(strict, request("GET", "/")).status == 200
        assert time.monotonic() - begin < 1
        assert is_closed(silent[0], 1)
    finally:
        for each in silent:
            each.close()


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(app: Flask, dashboard: int) -> None:
    begin = time.monotonic()
    answer = ask(dashboard, request("POST", "/login", Content_Length=str(BODY_MOST_BYTES + 1), Content_Type=FORM))

    assert answer.status == 413
    assert b"Too large" in answer.body
    assert time.monotonic() - begin < 2


def test_a_body_in_chunks_without_end_is_refused(app: Flask, dashboard: int) -> None:
    head = request("POST", "/login", Transfer_Encoding="chunked", Content_Type=FORM)
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    with connect(dashboard) as client:
        client.sendall(head + chunk * 17)
        assert read(client).status == 413


def test_a_body_that_nobody_wants_is_not_asked_for(odd: int) -> None:
    large = request("POST", "/", Content_Length=str(BODY_MOST_BYTES + 1), Expect="100-continue")
    wanted = request("POST", "/", Content_Length="3", Expect="100-continue")
    with connect(odd) as client:
        client.sendall(wanted)
        assert client.recv(65536).startswith(b"HTTP/1.1 100 Continue")
        client.sendall(b"abc")
        assert read(client).body.split(b"\n")[4].decode() == hashlib.sha256(b"abc").hexdigest()

    assert ask(odd, large).headers["connection"] == "close"


def told(answer: Answer) -> list[str]:
    """What the odd application says it was asked."""
    assert answer.status == 200, answer
    return answer.body.decode().split("\n")


def test_the_application_gets_what_was_sent(odd: int) -> None:
    body = os.urandom(300_000)
    message = request("PUT", "/a%20b/%C3%BC%FF?x=%20&y", body, Accept="text/html", Cookie=b"a=1; city=M\xfcnchen")
    message = message.replace(b"\r\n\r\n", b"\r\nAccept: */*\r\nX_Forwarded_For: 192.0.2.1\r\n\r\n", 1)

    assert told(ask(odd, message)) == [
        "PUT",
        b"/a b/\xc3\xbc\xff".hex(),
        "x=%20&y",
        "300000",
        hashlib.sha256(body).hexdigest(),
        "none",
        b"a=1; city=M\xfcnchen".hex(),
        "text/html,*/*",
    ]


def test_a_body_in_chunks_is_put_together(odd: int) -> None:
    chunks = b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
    found = told(ask(odd, request("POST", "/", Transfer_Encoding="chunked") + chunks))

    assert found[3:5] == ["5", hashlib.sha256(b"abcde").hexdigest()]


def test_requests_in_one_go_are_answered_in_turn(odd: int) -> None:
    with connect(odd) as client:
        client.sendall(b"".join(request("GET", f"/{number}") for number in range(20)))
        found = b""
        while found.count(b"HTTP/1.1 200 OK") < 20 or not found.endswith(b"none"):
            found += client.recv(65536)

    paths = [part.split(b"\n")[1] for part in found.split(b"\r\n\r\nGET")[1:]]
    assert [bytes.fromhex(path.decode()) for path in paths] == [f"/{number}".encode() for number in range(20)]


@pytest.mark.parametrize(
    "message",
    [
        b"nonsense\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nA: b\r\n folded\r\n\r\n",
    ],
)
def test_what_is_no_request_is_refused_and_the_next_one_answered(odd: int, message: bytes) -> None:
    assert ask(odd, message).status == 400
    assert ask(odd, request("GET", "/")).status == 200


def test_heads_and_answers_without_content_have_none(odd: int) -> None:
    with connect(odd) as client:
        client.sendall(request("HEAD", "/") + request("GET", "/not-modified") + request("GET", "/"))
        found = b""
        while not found.endswith(b"none"):
            found += client.recv(65536)

    assert [part.split(b" ")[0] for part in found.split(b"HTTP/1.1 ")[1:]] == [b"200", b"304", b"200"]


def test_an_application_that_fails_is_a_500_and_no_end(odd: int) -> None:
    assert ask(odd, request("GET", "/fails")).status == 500
    assert ask(odd, request("GET", "/")).status == 200


def test_a_large_answer_arrives_whole(odd: int) -> None:
    answer = ask(odd, request("GET", "/large"))

    assert len(answer.body) == odd_answers.LARGE_BYTES
    assert set(answer.body) == {ord("x")}


def test_large_answers_that_nobody_reads_hold_no_thread(odd: int) -> None:
    unread = [connect(odd, receive_buffer=4096) for _ in range(20)]
    try:
        for each in unread:
            each.sendall(request("GET", "/large"))
        time.sleep(1)
        assert ask(odd, request("GET", "/")).status == 200
    finally:
        for each in unread:
            each.close()


@pytest.mark.parametrize("others", ["city=München".encode("latin-1"), "city=München".encode(), b'a="\xff; b=\xfe; c'])
def test_a_cookie_of_another_application_keeps_nobody_out(
    app: Flask, people: dict[str, User], dashboard: int, others: bytes
) -> None:
    visitor = Browser(dashboard, others)

    assert visitor.send("/login", email="ada@example.com", password=PASSWORD).status == 302
    assert visitor.get("/account").status == 200


def wait_for_children(server: Serving, but: set[int], count: int) -> None:
    """Until so many processes answer besides those."""
    until(lambda: len(server.children() - but) == count, server.log)


def test_a_process_that_dies_is_replaced_while_the_others_answer(settings: Settings, tmp_path: Path) -> None:
    with served(settings, tmp_path, ODD, processes=2) as server:
        first = server.children()
        for killed, victim in enumerate(first):
            os.kill(victim, signal.SIGKILL)
            assert [ask(server.port, request("GET", "/")).status for _ in range(20)] == [200] * 20
            wait_for_children(server, but=first, count=killed + 1)


def test_processes_that_cannot_live_end_the_server_and_say_so(settings: Settings, tmp_path: Path) -> None:
    with served(settings, tmp_path, ODD) as server:
        killed: set[int] = set()
        for _ in range(5):
            wait_for_children(server, but=killed, count=1)
            killed |= (victims := server.children() - killed)
            os.kill(victims.pop(), signal.SIGKILL)
        assert server.parent.wait(10) == 1
        assert "giving up" in server.log.read_text()


def test_a_process_ends_with_the_one_that_started_it(settings: Settings, tmp_path: Path) -> None:
    with served(settings, tmp_path, ODD, processes=2) as server:
        family = server.parent.children()
        server.parent.kill()
        assert len(psutil.wait_procs(family, timeout=10)[1]) == 0


def test_what_is_under_way_ends_before_the_server_does(settings: Settings, tmp_path: Path) -> None:
    with served(settings, tmp_path, ODD) as server:
        with connect(server.port) as client:
            client.sendall(request("POST", "/", Content_Length="3") + b"a")
            time.sleep(0.3)
            server.parent.terminate()
            time.sleep(0.3)
            client.sendall(b"bc")
            assert told(read(client))[3] == "3"
        assert server.parent.wait(10) == 0
        with pytest.raises(ConnectionRefusedError):
            connect(server.port)
