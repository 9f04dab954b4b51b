"""Asking a witness to cosign a checkpoint, over HTTP: the client's side of c2sp.org/tlog-witness."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from socket import SHUT_RDWR, socket
from typing import NamedTuple
from urllib.parse import urlsplit

from models.log.proof.checkpoint import cosigned_at
from models.log.proof.note import BadNote, Note, Signature, Verifier, plain_number
from models.log.proof.submission import Submission

# For all of an answer, however slowly it comes.
PATIENCE_SECONDS = 10
# A cosignature has some 150.
ANSWER_MOST_BYTES = 16 * 1024
QUOTED_MOST = 200
Growth = Callable[[int], Sequence[bytes]]
"""Proves that the log has only grown since a size."""


class Unwilling(Exception):
    """A witness does not cosign, now; another attempt may do."""


class Contradiction(Exception):
    """A witness has seen what this log cannot have grown from: someone shows two pasts, or the database went back."""


class Answer(NamedTuple):
    """What a witness said."""

    status: int
    text: str


def cosigned(url: str, witness: Verifier, note: str, size: int, known: int, growth: Growth) -> Signature:
    """Returns a witness's cosignature of a checkpoint; `known` is the size that it is believed to have seen last.

    Raises Unwilling, Contradiction.
    """
    answer = _asked(url, Submission(known, growth(known), note))
    if answer.status == 409:
        told = _told(answer)
        if told > size:
            raise Contradiction(f"it has cosigned {told} leaves, and the log has {size}")
        if told == known:
            raise Contradiction(f"it has cosigned another root of {told} leaves")
        known = told
        answer = _asked(url, Submission(known, growth(known), note))
        if answer.status == 409 and _told(answer) == known == size:
            raise Contradiction(f"it has cosigned another root of {known} leaves")
    if answer.status == 422:
        raise Contradiction(f"the log has not grown from the {known} leaves that it has cosigned")
    if answer.status != 200:
        raise Unwilling(f"it answers {answer.status}: {answer.text[:QUOTED_MOST]!r}")
    return _checked(answer.text, witness, note)


def _told(answer: Answer) -> int:
    try:
        return plain_number(answer.text.removesuffix("\n"))
    except BadNote as error:
        raise Unwilling(f"it answers 409 without a size: {answer.text[:QUOTED_MOST]!r}") from error


def _checked(lines: str, witness: Verifier, note: str) -> Signature:
    """The one line of the answer that is the witness's own; what other keys say is nothing to us."""
    try:
        both = Note.parse(note + lines)
        seconds = cosigned_at(both, witness)
    except BadNote as error:
        raise Unwilling(f"its cosignature is not one: {error}") from error
    if seconds is None:
        raise Unwilling("its answer bears no cosignature of its key")
    return next(each for each in both.signatures if (each.name, each.key_id) == (witness.name, witness.key_id))


def _asked(url: str, asked: Submission) -> Answer:
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    kind = HTTPSConnection if secure else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=PATIENCE_SECONDS)
    try:
        connection.connect()
        with _cut_off(connection.sock):
            connection.request(
                "POST",
                f"{parts.path.rstrip('/')}/add-checkpoint",
                str(asked).encode(),
                {"Content-Type": "text/plain; charset=utf-8"},
            )
            return _read(connection.getresponse())
    except (OSError, HTTPException, UnicodeDecodeError) as error:
        raise Unwilling(f"it does not answer: {type(error).__name__}: {error}") from error
    finally:
        connection.close()


def _read(response: HTTPResponse) -> Answer:
    content = response.read(ANSWER_MOST_BYTES + 1)
    if len(content) > ANSWER_MOST_BYTES:
        raise Unwilling("its answer has no end")
    return Answer(response.status, content.decode())


@contextmanager
def _cut_off(opened: socket) -> Iterator[None]:
    """Cut a connection when time is up, since a socket's own timeout is for each byte and begins again with each.

    Raises TimeoutError.
    """
    is_over = threading.Event()

    def cut() -> None:
        is_over.set()
        with suppress(OSError):
            opened.shutdown(SHUT_RDWR)

    timer = threading.Timer(PATIENCE_SECONDS, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if is_over.is_set():
            raise TimeoutError("not all of its answer came in time")
