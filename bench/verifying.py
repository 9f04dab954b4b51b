"""What verifying costs: entries a second, against hashing the same leaves."""

import time
from collections.abc import Callable, Iterator

from bench.common import Goal, Ground, Row, compare, per_second
from models.log import signing
from models.log.leaves import leaves
from models.log.proof.tree import Frontier, leaf_hash
from models.system import sealing, verification
from models.system.verification import Asked

ROUNDS = 5
HASHING = Goal(0.06, at_least=True)


def rows(ground: Ground) -> Iterator[Row]:
    """One of the smaller organisations, all that is kept of it included, one process."""
    signing.attach(ground.app, ground.settings)
    while sealing.seal_all(ground.settings.sealed):
        pass
    organisation_id = list(ground.organisations)[1]
    asked = Asked([organisation_id])
    entries = verification.entries_of(asked)
    same = list(leaves(organisation_id, 1, entries))

    def hashed() -> None:
        frontier = Frontier()
        for each in same:
            frontier.append(leaf_hash(each))

    yield compare(
        "Verifying an organisation, entries, one process",
        lambda: _rate(lambda: list(verification.verify(asked)), entries),
        "hashing the same bytes",
        lambda: _rate(hashed, entries),
        HASHING,
        rounds=ROUNDS,
        unit=per_second,
    )


def _rate(work: Callable[[], object], entries: int) -> float:
    begin = time.perf_counter()
    work()
    return entries / (time.perf_counter() - begin)
