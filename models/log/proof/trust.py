"""Whose signatures count: the keys of an installation sign all of its logs, each under the name of that log.

An origin is "<installation>/<organisation>/<epoch>", and "<installation>/meta/<epoch>" is the installation's own log.
The notes are those of c2sp.org/signed-note; tests/models/proof/test_bundle.py tries keys of others.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

from models.log.proof.checkpoint import Checkpoint
from models.log.proof.note import ED25519, BadNote, Note, Verifier

META = "meta"
PARTS = 3


class Origin(NamedTuple):
    """The name of a log, taken apart."""

    installation: str
    log: str
    """The id of an organisation, or META."""
    epoch: str

    @classmethod
    def parse(cls, written: str) -> Self | None:
        """Returns None when it is not the name of a log of ours."""
        parts = written.split("/")
        return cls(*parts) if len(parts) == PARTS else None


def opened_by(written: str, keys: Iterable[Verifier]) -> Checkpoint:
    """Returns the checkpoint in a note that one of these keys has signed for its log. Raises BadNote."""
    note = Note.parse(written)
    found = Checkpoint.parse(note.text)
    if not note.verified_by(of_origin(keys, found.origin)):
        raise BadNote(f"the checkpoint of {found.origin} bears no signature of a key that is trusted")
    return found


def of_origin(keys: Iterable[Verifier], origin: str) -> Sequence[Verifier]:
    """Returns what these keys sign a log with, when they belong to its installation."""
    installation = origin.partition("/")[0]
    publics = {each.public for each in keys if each.type == ED25519 and each.name.partition("/")[0] == installation}
    return [Verifier(origin, each) for each in sorted(publics)]
