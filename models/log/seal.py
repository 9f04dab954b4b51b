"""Seals, read: the checkpoints of a log, and the proofs that an entry is in it and that it was only ever added to.

models/log/trees.py reads the trees that they are of, and models/system/sealing.py makes them.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import text

from models.database import read
from models.log.proof.note import Note, Verifier
from models.log.proof.tree import consistency_proof, inclusion_proof
from models.log.signing import Public
from models.log.trees import META, Tree, node_of

LATEST = 2**63 - 1
PAGE = 50


class Seal(NamedTuple):
    """A signed checkpoint of a tree, as it is kept."""

    organisation_id: int
    epoch: int
    size: int
    at: datetime
    """When it was sealed, by our word: it is not part of what is signed."""
    root: bytes
    note: str
    """The signed note, with what witnesses have added."""
    meta_index: int | None
    """Which leaf of the installation's tree it is; None of that tree's own."""

    @property
    def tree(self) -> Tree:
        """The tree that it is of."""
        return Tree(self.organisation_id, self.epoch)

    @property
    def origin(self) -> str:
        """The name of the log that it is of."""
        return self.note.partition("\n")[0]

    @property
    def text(self) -> str:
        """What is signed."""
        return Note.parse(self.note).text


class Standing(NamedTuple):
    """How far an organisation's log is sealed."""

    size: int
    """The number of the last entry that is sealed; 0 when none is."""
    sealed_at: datetime | None
    head: int
    """The number of the last entry."""
    waiting_since: datetime | None
    """When the first entry that is not sealed yet was written; None when all are."""
    refused: str | None
    """Why nothing more is sealed; None when nothing is wrong."""


class Refusal(NamedTuple):
    """An organisation whose log is not sealed any further; META where nothing is."""

    organisation_id: int
    since: datetime
    reason: str


def origin(installation: str, tree: Tree) -> str:
    """Returns the name under which the checkpoints of a tree are signed."""
    return f"{installation}/{'meta' if tree.organisation_id == META else tree.organisation_id}/{tree.epoch}"


def epoch() -> int:
    """Returns the epoch that is sealed in now; 0 before anything was sealed."""
    return int(read(EPOCH, {})[0][0])


def record(number: int) -> str:
    """Returns why an epoch was begun, and what was before: the first leaf of its tree, as canonical JSON."""
    return str(read(RECORD, {"epoch": number})[0][0])


def standing(organisation_id: int) -> Standing:
    """Returns how far the log is sealed."""
    found = read(STANDING, {"organisation": organisation_id})
    return Standing(*found[0]) if found else Standing(0, None, 0, None, None)


def last(organisation_id: int) -> Seal | None:
    """Returns the newest checkpoint; None when nothing is sealed in this epoch."""
    return _one(read(LAST, {"organisation": organisation_id}))


def last_of(tree: Tree) -> Seal | None:
    """Returns the newest checkpoint of one tree."""
    return _one(read(LAST_OF, {"organisation": tree.organisation_id, "epoch": tree.epoch}))


def history(organisation_id: int, before: tuple[int, int] = (LATEST, LATEST), size: int = PAGE) -> list[Seal]:
    """Returns a page of the checkpoints of all epochs, the newest first, before an epoch and size."""
    values = {"organisation": organisation_id, "epoch": before[0], "before": before[1], "size": size}
    return [Seal(*each) for each in read(HISTORY, values)]


def at_size(tree: Tree, size: int) -> Seal | None:
    """Returns the checkpoint of exactly this size."""
    found = covering(tree, size)
    return found if found is not None and found.size == size else None


def covering(tree: Tree, number: int) -> Seal | None:
    """Returns the first checkpoint that covers an entry; None when it is not sealed yet."""
    values = {"organisation": tree.organisation_id, "epoch": tree.epoch, "number": number}
    return _one(read(COVERING, values))


def refusals() -> list[Refusal]:
    """Returns what is not sealed any further, and why."""
    return [Refusal(*each) for each in read(REFUSALS, {})]


def overdue(since: datetime) -> int:
    """Counts the logs that hold an entry from before a moment that is not sealed yet."""
    return int(read(OVERDUE, {"since": since})[0][0])


def publics() -> list[Public]:
    """Returns the public keys that have signed here, the first one first."""
    return [Public(key_id, bytes(public)) for key_id, public in read(KEYS, {})]


def verifiers(name: str) -> list[Verifier]:
    """Returns what checks the signatures of the log of that origin."""
    return [each.verifier(name) for each in publics()]


def inclusion(seal: Seal, number: int) -> list[bytes]:
    """Returns the proof that entry `number` is in the tree of a checkpoint: leaf `number` - 1."""
    return inclusion_proof(number - 1, seal.size, node_of(seal.tree, seal.size, [number - 1]))


def consistency(tree: Tree, old: int, new: int) -> list[bytes]:
    """Returns the proof that the tree of the larger size begins with that of the smaller one."""
    return consistency_proof(old, new, node_of(tree, new, [max(old - 1, 0)]))


def in_meta(seal: Seal, meta: Seal) -> list[bytes]:
    """Returns the proof that an organisation's checkpoint is a leaf of the installation's tree."""
    assert seal.meta_index is not None
    return inclusion_proof(seal.meta_index, meta.size, node_of(meta.tree, meta.size, [seal.meta_index]))


def _one(found: Sequence[Any]) -> Seal | None:
    return Seal(*found[0]) if found else None


COLUMNS = """checkpoint.organisation_id, checkpoint.epoch, checkpoint.size, checkpoint.at, checkpoint.root,
       checkpoint.note || COALESCE((
           SELECT string_agg(line, '' ORDER BY witness) FROM activity_cosignatures AS cosigned
            WHERE cosigned.organisation_id = checkpoint.organisation_id AND cosigned.epoch = checkpoint.epoch
              AND cosigned.size = checkpoint.size), '') AS note, checkpoint.meta_index"""
NOW = "(SELECT max(epoch) FROM activity_epochs)"
EPOCH = text(f"SELECT COALESCE({NOW}, 0)")
RECORD = text("SELECT leaf FROM activity_epochs WHERE epoch = :epoch")
LAST = text(f"""
    SELECT {COLUMNS} FROM activity_checkpoints AS checkpoint
     WHERE organisation_id = :organisation AND epoch = {NOW} ORDER BY size DESC LIMIT 1
""")
LAST_OF = text(f"""
    SELECT {COLUMNS} FROM activity_checkpoints AS checkpoint
     WHERE organisation_id = :organisation AND epoch = :epoch ORDER BY size DESC LIMIT 1
""")
COVERING = text(f"""
    SELECT {COLUMNS} FROM activity_checkpoints AS checkpoint
     WHERE organisation_id = :organisation AND epoch = :epoch AND size >= :number ORDER BY size LIMIT 1
""")
HISTORY = text(f"""
    SELECT {COLUMNS} FROM activity_checkpoints AS checkpoint
     WHERE organisation_id = :organisation AND (epoch, size) < (CAST(:epoch AS bigint), CAST(:before AS bigint))
     ORDER BY epoch DESC, size DESC LIMIT :size
""")
# What a Standing is made of, each part found by a key; models/people/standing.py asks for it with who is asking.
STANDING_COLUMNS = f"""
           COALESCE(sealed.size, 0), sealed.at, head.last_number,
           (SELECT occurred_at FROM activity_entries AS waiting
             WHERE waiting.organisation_id = head.organisation_id AND number = COALESCE(sealed.size, 0) + 1),
           (SELECT reason FROM seal_refusals AS refusal
             WHERE refusal.organisation_id IN ({META}, head.organisation_id) AND reason IS NOT NULL
             ORDER BY refusal.organisation_id LIMIT 1)"""
STANDING_FROM = f"""
      LEFT JOIN LATERAL (
           SELECT size, at FROM activity_checkpoints AS checkpoint
            WHERE checkpoint.organisation_id = head.organisation_id AND epoch = {NOW}
            ORDER BY size DESC LIMIT 1) AS sealed ON true"""
STANDING = text(f"""
    SELECT {STANDING_COLUMNS}
      FROM activity_heads AS head {STANDING_FROM}
     WHERE head.organisation_id = :organisation
""")
OVERDUE = text(f"""
    SELECT count(*) FROM activity_heads AS head {STANDING_FROM}
      JOIN activity_entries AS waiting
        ON waiting.organisation_id = head.organisation_id AND waiting.number = COALESCE(sealed.size, 0) + 1
     WHERE waiting.occurred_at < :since
""")
REFUSALS = text("""
    SELECT organisation_id, refused_at, reason FROM seal_refusals WHERE reason IS NOT NULL ORDER BY organisation_id
""")
# One word for /healthz, which asks with a connection of its own.
STATE = "SELECT CASE WHEN EXISTS (SELECT FROM seal_refusals WHERE reason IS NOT NULL) THEN 'degraded' ELSE 'ok' END"
KEYS = text("SELECT id, public FROM activity_keys ORDER BY first_used_at")
