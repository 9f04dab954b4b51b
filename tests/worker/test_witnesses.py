"""Asking witnesses: real ones over HTTP, and some that are down, slow, endless or lying."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.processes import free_port
from models.log.proof.checkpoint import cosign, cosigned_at, cosigner
from models.log.proof.note import Note, Signer
from models.log.proof.tree import consistency_proof
from tests.support.witnesses import LOG, Log, Running, nodes, witness
from worker import witnesses
from worker.witnesses import Contradiction, Unwilling, cosigned

GROWN = Log([b"%d" % each for each in range(20)])
FORKED = Log([*GROWN.leaves[:5], b"another", *GROWN.leaves[6:]])
ODD = Signer("odd.example.com", bytes(range(3, 35)))
NOW = 1_679_315_147
Talk = Callable[[socket.socket], None]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with witness(tmp_path, LOG.verifier) as found:
        yield found


def ask(running: Running, log: Log, known: int, size: int | None = None) -> int:
    """Asks a real witness for a cosignature of a log; returns when it says that it gave it."""
    found = len(log.leaves) if size is None else size
    note = log.note(found)
    line = cosigned(
        running.url, running.verifier, note, found, known, lambda old: consistency_proof(old, found, nodes(log.leaves))
    )
    seconds = cosigned_at(Note.parse(f"{note}{line}"), running.verifier)
    assert seconds
    return seconds


@contextmanager
def odd(talk: Talk) -> Iterator[str]:
    """The address of a witness that reads a request and then does as `talk` says."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    taken, _ = listening.accept()
                except OSError:
                    return
                with taken:
                    try:
                        while b"\n\n" not in (got := taken.recv(65536)) and got:
                            pass
                        talk(taken)
                    except OSError:
                        pass  # the client has gone

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(60)


def says(status: int, text: str) -> Talk:
    """Answers with this, always."""
    body = text.encode()
    return lambda taken: taken.sendall(b"HTTP/1.1 %d It\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))


def nothing_grew(old: int) -> list[bytes]:
    """A proof for whoever does not check it."""
    return []


def refused(url: str) -> str:
    """Why an odd witness was not believed."""
    with pytest.raises(Unwilling) as told:
        cosigned(url, cosigner(ODD), GROWN.note(), 20, 0, nothing_grew)
    return str(told.value)


def test_a_witness_cosigns_as_the_log_grows(running: Running) -> None:
    before = int(time.time())

    assert before <= ask(running, GROWN, known=0, size=7)
    assert before <= ask(running, GROWN, known=7)


@pytest.mark.parametrize("believed", [0, 3, 20])
def test_the_size_that_it_tells_is_taken_instead_of_the_believed_one(running: Running, believed: int) -> None:
    ask(running, GROWN, known=0, size=7)

    assert ask(running, GROWN, known=believed)
    assert ask(running, GROWN, known=believed)


def test_a_fork_is_a_contradiction(running: Running) -> None:
    ask(running, GROWN, known=0, size=7)

    with pytest.raises(Contradiction, match="has not grown from the 7"):
        ask(running, FORKED, known=7)
    with pytest.raises(Contradiction, match="another root of 7"):
        ask(running, FORKED, known=7, size=7)
    with pytest.raises(Contradiction, match="another root of 7"):
        ask(running, FORKED, known=0, size=7)


def test_a_log_that_went_back_is_a_contradiction(running: Running) -> None:
    ask(running, GROWN, known=0)

    with pytest.raises(Contradiction, match="has cosigned 20 leaves, and the log has 7"):
        ask(running, GROWN, known=3, size=7)


def test_one_that_does_not_know_the_log_is_unwilling(tmp_path: Path) -> None:
    with witness(tmp_path) as running, pytest.raises(Unwilling, match="answers 404"):
        ask(running, GROWN, known=0)


def test_one_that_is_down_is_unwilling() -> None:
    assert "ConnectionRefusedError" in refused(f"http://127.0.0.1:{free_port()}")


def test_one_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witnesses, "PATIENCE_SECONDS", 0.5)
    over = threading.Event()

    def wait(taken: socket.socket) -> None:
        over.wait(60)

    with odd(wait) as url:
        assert "does not answer" in refused(url)
        over.set()


@pytest.mark.parametrize("head", [b"Content-Length: 10000", b"Connection: close", b"X-"])
def test_one_that_answers_byte_by_byte_is_given_up(monkeypatch: pytest.MonkeyPatch, head: bytes) -> None:
    monkeypatch.setattr(witnesses, "PATIENCE_SECONDS", 0.5)

    def drip(taken: socket.socket) -> None:
        taken.sendall(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n" % head)
        for _ in range(2000):
            taken.sendall(b"x")
            time.sleep(0.05)

    with odd(drip) as url:
        assert "does not answer" in refused(url)


def test_an_answer_without_end_is_not_read() -> None:
    with odd(says(200, "x" * 100_000)) as url:
        assert "has no end" in refused(url)


FORGED = cosign(str(FORKED.checkpoint()), ODD, NOW)
OF_A_STRANGER = cosign(str(GROWN.checkpoint()), Signer("stranger.example.com", bytes(range(4, 36))), NOW)
LIES = {
    "of another text": (200, str(FORGED), "not good"),
    "cut off": (200, str(FORGED._replace(value=FORGED.value[:8])), "cut off"),
    "of a stranger": (200, str(OF_A_STRANGER), "no cosignature of its key"),
    "nothing": (200, "", "no cosignature of its key"),
    "no line of a note": (200, "yes\n", "not a line"),
    "a redirect": (302, "elsewhere", "answers 302"),
    "a size that is none": (409, "many\n", "without a size"),
    "a size again and again": (409, "3\n", "answers 409"),
    "an error": (500, "I am ill", "I am ill"),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_is_no_cosignature_is_not_kept(lie: str) -> None:
    status, text, why = LIES[lie]
    with odd(says(status, text)) as url:
        assert why in refused(url)


def test_only_its_own_line_is_taken() -> None:
    own = cosign(str(GROWN.checkpoint()), ODD, NOW)
    with odd(says(200, f"{OF_A_STRANGER}{own}")) as url:
        assert cosigned(url, cosigner(ODD), GROWN.note(), 20, 0, nothing_grew) == own
