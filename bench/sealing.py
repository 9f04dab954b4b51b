"""What sealing costs: entries a second, a proof, and bytes an entry."""

import time
from collections.abc import Callable, Iterator

import psycopg

from bench.common import Goal, Ground, Row, compare, each_takes, per_second, row_of
from models.log import feed, seal, signing
from models.log.leaves import leaves
from models.log.proof.tree import Frontier, leaf_hash
from models.system import sealing

ROUNDS = 11
HASHING, PROOF, BYTES = Goal(0.04, at_least=True), Goal(30), Goal(36 / 32)
ROOM = "SELECT pg_total_relation_size('activity_tiles') + pg_total_relation_size('activity_checkpoints')"


def rows(ground: Ground) -> Iterator[Row]:
    """Steps of a backlog, one process; then proofs of entries of what is sealed by then, and how much room it takes."""
    signing.attach(ground.app, ground.settings)
    yield _sealing(ground)
    while sealing.seal_all(ground.settings.sealed):
        pass
    yield _proving(ground)
    yield _room(ground)


def _sealing(ground: Ground) -> Row:
    same = list(leaves(ground.big, 1, sealing.STEP))

    def step() -> float:
        once = iter((True, False))
        return _rate(lambda: sealing.seal_all(ground.settings.sealed, lambda: next(once)))

    def hashed() -> float:
        def tree() -> None:
            frontier = Frontier()
            for each in same:
                frontier.append(leaf_hash(each))

        return _rate(tree)

    return compare(
        "Sealing a backlog, entries, one process",
        step,
        "hashing the same bytes",
        hashed,
        HASHING,
        rounds=ROUNDS,
        unit=per_second,
    )


def _proving(ground: Ground) -> Row:
    newest = seal.last(ground.big)
    assert newest
    whole = feed.whole(ground.organisations[ground.big])
    number = newest.size // 3

    def proof() -> None:
        assert seal.inclusion(newest, number)

    return compare(
        "Proof that an entry is in the newest checkpoint",
        lambda: each_takes(proof),
        "the newest page",
        lambda: each_takes(lambda: feed.page(whole)),
        PROOF,
    )


def _room(ground: Ground) -> Row:
    with psycopg.connect(ground.superuser_url) as connection:
        [room] = connection.execute(ROOM).fetchone() or (0,)
        [entries] = connection.execute("SELECT sum(last_number) FROM activity_heads").fetchone() or (0,)
    return row_of(
        "Room of tiles and checkpoints of a backlog, an entry",
        [(float(room) / float(entries), 32)],
        "a hash",
        BYTES,
        unit=lambda size: f"{size:.1f} bytes",
    )


def _rate(work: Callable[[], object]) -> float:
    """Entries of a step, a second."""
    begin = time.perf_counter()
    work()
    return sealing.STEP / (time.perf_counter() - begin)
