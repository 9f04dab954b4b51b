"""Logs that ask for cosignatures, and witnesses as processes of their own."""

import http.client
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil

from bench.processes import free_port, running, until
from models.log.proof.checkpoint import Checkpoint, cosigned_at
from models.log.proof.note import Note, Signer, Verifier
from models.log.proof.submission import Submission
from models.log.proof.tree import Node, consistency_proof, leaf_hash, node_hash, root
from tests.support.processes import kill

LOG = Signer("log.example.com/meta/1", bytes(range(32)))


class Log(NamedTuple):
    """A log in memory, with all of its leaves."""

    leaves: Sequence[bytes]
    signer: Signer = LOG

    def checkpoint(self, size: int | None = None) -> Checkpoint:
        """What it was at a size; None: what it is."""
        found = len(self.leaves) if size is None else size
        return Checkpoint(self.signer.name, found, root(found, nodes(self.leaves)))

    def note(self, size: int | None = None) -> str:
        """The signed checkpoint of a size."""
        return str(self.checkpoint(size).signed(self.signer))

    def submission(self, old: int, size: int | None = None) -> Submission:
        """What it asks a witness that knows an old size."""
        found = len(self.leaves) if size is None else size
        return Submission(old, consistency_proof(old, found, nodes(self.leaves)), self.note(size))

    def cosigned(self, answer: str, witness: Verifier, size: int | None = None) -> int | None:
        """When a witness has cosigned it, by its answer."""
        return cosigned_at(Note.parse(self.note(size) + answer), witness)


def nodes(leaves: Sequence[bytes]) -> Node:
    """The hashes of a tree, computed each time anew."""

    def node(level: int, index: int) -> bytes:
        if level == 0:
            return leaf_hash(leaves[index])
        return node_hash(node(level - 1, 2 * index), node(level - 1, 2 * index + 1))

    return node


class Answered(NamedTuple):
    """What a witness said."""

    status: int
    type: str | None
    text: str


class Running(NamedTuple):
    """A witness that runs."""

    port: int
    verifier: Verifier
    process: psutil.Process
    log: Path

    @property
    def url(self) -> str:
        """Its submission prefix."""
        return f"http://127.0.0.1:{self.port}"

    def post(self, body: str | bytes | Submission, path: str = "/add-checkpoint", method: str = "POST") -> Answered:
        """Ask it. Raises OSError and HTTPException."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body if isinstance(body, bytes) else str(body).encode())
            answer = connection.getresponse()
            return Answered(answer.status, answer.headers["Content-Type"], answer.read().decode())
        finally:
            connection.close()

    def kill(self) -> None:
        """End it as a power cut would, with the process that answers."""
        family = [self.process, *self.process.children()]
        kill(family)
        psutil.wait_procs(family, timeout=60)


@contextmanager
def witness(
    folder: Path, *logs: Verifier, name: str = "witness.example.com/one", port: int | None = None
) -> Iterator[Running]:
    """A witness of these logs while the block runs, told nothing by its environment."""
    found = port or free_port()
    known = [word for each in logs for word in ("--log", str(each))]
    command = ["witness", str(folder / "witness"), "--name", name, "--port", str(found), *known]
    said = folder / "witness.log"
    program = [sys.executable, "-c", "from web.cli import main; main()", *command]
    with running(program, {"PATH": os.environ["PATH"]}, said) as process:
        until(lambda: "+" in said.read_text().partition("\n")[0], said, lambda: not process.is_running())
        until(lambda: bool(process.children()), said)
        yield Running(found, Verifier.parse(said.read_text().split("\n")[0]), process, said)
