"""Verifying: all of an organisation's log is read again, and every checkpoint of it must come out again.

It believes nothing but the entries, the checkpoints and the keys that signed them: no tile is read.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from sqlalchemy import text

from models.database import read
from models.jobs import verification
from models.jobs.verification import VerificationKey, VerificationLease
from models.log import seal
from models.log.proof.checkpoint import opened
from models.log.proof.edge import Edge
from models.log.proof.note import BadNote
from models.log.seal import Seal
from models.log.trees import Tree, hashed_leaves
from models.system.attempt import attempt
from models.transaction import transaction

STEP = 5_000
Progress = Callable[[int, int], object]
"""Is told how many entries of how many are read."""


def run(key: VerificationKey) -> None:
    """Carry out a verification, if it is due and nobody else is at it."""
    with transaction():
        held = VerificationLease.claim(key)
    if held is None:
        return

    def tell(done: int, size: int) -> None:
        with transaction():
            held.renew(done=done, size=size)

    with attempt(held):
        findings = list(verify(key.organisation_id, tell))
        with transaction():
            held.end(findings)


def ask_for_due(now: datetime) -> list[VerificationKey]:
    """Leave a verification of each log that was not verified for a week; returns what to hint at."""
    with transaction() as hints:
        for organisation_id in verification.organisations_due(now):
            verification.ask(organisation_id, None)
    return [VerificationKey(*each) for each in hints]


def verify(organisation_id: int, progress: Progress) -> Iterator[str]:
    """Yields what is not as it was sealed in this epoch, up to the first checkpoint that does not come out again."""
    tree = Tree(organisation_id, seal.epoch())
    last = seal.last_of(tree)
    if last is None:
        return
    edge = Edge()
    progress(0, last.size)
    for each in _checkpoints(tree, last.size):
        while edge.size < each.size:
            end = min(each.size, (edge.size // STEP + 1) * STEP)
            hashes = hashed_leaves(tree, edge.size, end)
            if len(hashes) != end - edge.size:
                yield f"Entries between #{edge.size + 1} and #{end} are missing."
                return
            edge.extend(hashes)
            if edge.size % STEP == 0:
                progress(edge.size, last.size)
        if edge.root() != each.root:
            yield f"The entries up to #{each.size} are not those that were sealed on {each.at:%Y-%m-%d %H:%M:%S} UTC."
            return
        if not _is_signed(each):
            yield f"The checkpoint of #{each.size} does not bear a signature of this installation."
            return
    progress(last.size, last.size)


def _checkpoints(tree: Tree, until: int) -> Iterator[Seal]:
    """All checkpoints of a tree, the smallest first."""
    after = 0
    while after < until:
        values = {"organisation": tree.organisation_id, "epoch": tree.epoch, "after": after, "most": STEP}
        found = [Seal(*each) for each in read(CHECKPOINTS, values)]
        yield from found
        after = found[-1].size if found else until


def _is_signed(checkpoint: Seal) -> bool:
    """Whether a key of the installation has signed just this."""
    for each in seal.verifiers(checkpoint.origin):
        try:
            found = opened(checkpoint.note, each)
        except BadNote:
            continue
        if (found.size, found.root) == (checkpoint.size, checkpoint.root):
            return True
    return False


CHECKPOINTS = text("""
    SELECT organisation_id, epoch, size, at, root, note, meta_index FROM activity_checkpoints
     WHERE organisation_id = :organisation AND epoch = :epoch AND size > :after ORDER BY size LIMIT :most
""")
