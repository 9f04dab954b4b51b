"""What proves an entry: its leaf, its place in the tree, and the checkpoint that covers it."""

from typing import NamedTuple

from flask import Response, current_app

from models.log import leaves, seal
from models.log.proof.proof_file import ProofFile
from models.log.seal import Seal
from models.log.trees import Tree
from models.people.standing import Here
from web.access import seal_of_log


class Proof(NamedTuple):
    """What the page of an entry shows of it."""

    leaf: str
    """What is hashed: the entry as canonical JSON."""
    place: int
    """Which leaf of the tree it is, from 0."""
    seal: Seal
    """The first checkpoint that covers it."""


def proof_of(here: Here, number: int) -> Proof | None:
    """Returns what proves an entry; None while it is not sealed."""
    found = _covering(here, number)
    if found is None:
        return None
    [leaf] = leaves.leaves(here.id, number, number)
    return Proof(leaf.decode(), number - 1, found)


def proof_file(here: Here, number: int) -> ProofFile | None:
    """Returns the proof that the first checkpoint that covers an entry has it; None while it is not sealed."""
    found = _covering(here, number)
    return ProofFile(number - 1, seal.inclusion(found, number), found.note) if found else None


def _covering(here: Here, number: int) -> Seal | None:
    standing = seal_of_log()
    if standing is None or standing.size < number:
        return None
    return seal.covering(Tree(here.id, seal.epoch()), number)


def as_file(written: str, name: str) -> Response:
    """Answers with a text that the browser saves under a name."""
    response = current_app.response_class(written, mimetype="text/plain")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
