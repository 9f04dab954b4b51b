"""The HTTP side of a witness: "add-checkpoint" as c2sp.org/tlog-witness says, a WSGI application."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple

from models.log.proof.checkpoint import Checkpoint, cosign
from models.log.proof.note import BadNote, Note, Signer, Verifier
from models.log.proof.submission import Conflict, NotConsistent, Submission
from web.witness.memory import Damaged, remembered

ADD_CHECKPOINT = "/add-checkpoint"
# 63 hashes and a checkpoint with a hundred signatures are less.
BODY_MOST_BYTES = 64 * 1024
PLAIN, SIZE = "text/plain; charset=utf-8", "text/x.tlog.size"

log = logging.getLogger(__name__)
Start = Callable[[str, list[tuple[str, str]]], object]


class Answer(NamedTuple):
    """What is said to a log."""

    status: HTTPStatus
    text: str
    type: str = PLAIN


class Witness:
    """Cosigns checkpoints of the logs that it knows, as long as each has only grown."""

    def __init__(self, signer: Signer, logs: Mapping[str, Sequence[Verifier]], folder: Path) -> None:
        """`logs` has the keys of each origin."""
        self._signer, self._logs, self._folder = signer, logs, folder

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        """Answer one request, as PEP 3333 says."""
        status, text, kind = self._answer(environ)
        content = text.encode()
        headers = [("Content-Type", kind), ("Content-Length", str(len(content))), ("Cache-Control", "no-store")]
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            headers.append(("Allow", "POST"))
        start(f"{status.value} {status.phrase}", headers)
        return [content]

    def add(self, body: str, seconds: int) -> Answer:
        """Answer to a submission at a time, in seconds since 1970."""
        try:
            asked = Submission.parse(body)
            note = Note.parse(asked.checkpoint)
            wanted = Checkpoint.parse(note.text)
        except BadNote as error:
            return _refusal(HTTPStatus.BAD_REQUEST, error)
        if wanted.origin not in self._logs:
            return Answer(HTTPStatus.NOT_FOUND, "This witness does not know the log.\n")
        try:
            is_signed = bool(note.verified_by(self._logs[wanted.origin]))
        except BadNote:
            is_signed = False
        if not is_signed:
            return Answer(HTTPStatus.FORBIDDEN, "None of the log's keys has signed it.\n")
        return self._judged(asked, note, wanted, seconds)

    def _answer(self, environ: dict[str, Any]) -> Answer:
        if environ["PATH_INFO"] != ADD_CHECKPOINT:
            return Answer(HTTPStatus.NOT_FOUND, f"A witness answers to {ADD_CHECKPOINT} alone.\n")
        if environ["REQUEST_METHOD"] != "POST":
            return Answer(HTTPStatus.METHOD_NOT_ALLOWED, "Checkpoints are posted.\n")
        if int(environ.get("CONTENT_LENGTH") or 0) > BODY_MOST_BYTES:
            return Answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"At most {BODY_MOST_BYTES} bytes are read.\n")
        try:
            body = environ["wsgi.input"].read().decode()
        except UnicodeDecodeError as error:
            return _refusal(HTTPStatus.BAD_REQUEST, error)
        return self.add(body, int(time.time()))

    def _judged(self, asked: Submission, note: Note, wanted: Checkpoint, seconds: int) -> Answer:
        try:
            with remembered(self._folder, wanted.origin) as memory:
                asked.check(wanted, memory.known)
                # Before anyone can hold a cosignature: a witness that forgot one could cosign a fork of it.
                memory.keep(note)
        except BadNote as error:
            return _refusal(HTTPStatus.BAD_REQUEST, error)
        except (Damaged, OSError) as error:
            log.exception("it cannot remember what it cosigns")
            return Answer(HTTPStatus.INTERNAL_SERVER_ERROR, f"It cannot remember: {type(error).__name__}.\n")
        except Conflict as error:
            if error.is_forked:
                _denounce(error, asked)
            return Answer(HTTPStatus.CONFLICT, f"{error.size}\n", SIZE)
        except NotConsistent as error:
            _denounce(error, asked)
            return _refusal(HTTPStatus.UNPROCESSABLE_ENTITY, error)
        return Answer(HTTPStatus.OK, str(cosign(note.text, self._signer, seconds)))


def _refusal(status: HTTPStatus, error: Exception) -> Answer:
    return Answer(status, f"{error}\n")


def _denounce(error: Exception, asked: Submission) -> None:
    """Say aloud what a log has signed and is not cosigned: it may prove that the log shows two pasts."""
    log.warning("refused, although the log has signed it: %s\n%s", error, asked)
