"""Sealer and PostgreSQL are killed beside writers: every checkpoint that was seen meanwhile is one of the same log."""

import os
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from models.log.actor import Actor
from models.log.leaves import leaves
from models.log.proof.checkpoint import Checkpoint
from models.log.proof.note import Note, Verifier
from models.log.proof.tree import Frontier, leaf_hash
from models.log.signing import SIGNING_KEYS, SigningKeys
from models.system import sealing
from tests.chaos.conftest import LONG
from tests.chaos.fleet import Fleet
from tests.chaos.people import ada, edit, furnish
from tests.support.proof import violations

ROOT = Path(__file__).parents[2]
WRITERS, ORGANISATIONS = 4, 2
FAULTS = 50 if LONG else 6
SEALED_SECONDS = 120
HEADS = "SELECT organisation_id, last_number FROM activity_heads ORDER BY 1"
UNSEALED = """
    SELECT count(*) FROM activity_heads AS head
     WHERE last_number > COALESCE((SELECT max(size) FROM activity_checkpoints AS checkpoint
                                    WHERE checkpoint.organisation_id = head.organisation_id), 0)
"""
NOTES = "SELECT organisation_id, note FROM activity_checkpoints ORDER BY organisation_id, size"
REFUSED = "SELECT organisation_id, reason FROM seal_refusals WHERE reason IS NOT NULL"
EPOCHS = "SELECT count(*) FROM activity_epochs"
META_LEAVES = """
    SELECT leaf FROM (SELECT 0 AS place, leaf FROM activity_epochs WHERE epoch = 1
                       UNION ALL
                      SELECT meta_index, split_part(note, E'\\n\\n', 1) || E'\\n' FROM activity_checkpoints
                       WHERE meta_index IS NOT NULL) AS leaves ORDER BY place
"""


def test_every_checkpoint_is_of_one_log_whatever_is_killed(fleet: Fleet) -> None:
    seed = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(10**6))
    print(f"CHAOS_SEED={seed}: {FAULTS} faults beside {WRITERS} writers")
    dice = random.Random(seed)
    actor = ada(fleet)
    for number in range(ORGANISATIONS):
        furnish(fleet, actor, f"o{number}", 3, 10)
    sealer = fleet.python("sealer", str(ROOT / "tests" / "chaos" / "sealer.py"))

    seen: set[str] = set()
    with writing(fleet, actor, dice):
        for place in range(FAULTS):
            before = checkpoints(fleet)
            fleet.wait(f"SELECT count(*) > {before} FROM activity_checkpoints", [(True,)], SEALED_SECONDS)
            time.sleep(dice.uniform(0, 0.2))
            seen |= published(fleet)
            (fleet.members["PostgreSQL"] if place % 2 else sealer).process.kill()
    fleet.wait(UNSEALED, [(0,)], SEALED_SECONDS)
    seen |= published(fleet)

    assert fleet.ask(REFUSED) == []
    assert fleet.ask(EPOCHS) == [(1,)]
    assert fleet.patiently(lambda connection: [(each,) for each in violations(connection)]) == []
    assert len(seen) > FAULTS
    with fleet.app.app_context():
        assert forked(fleet, seen) == []


def test_a_changed_past_would_be_seen(fleet: Fleet, superuser: psycopg.Connection) -> None:
    furnish(fleet, ada(fleet), "o0", 1, 3)
    with fleet.app.app_context():
        SIGNING_KEYS.load(fleet.settings.signing_keys)
        sealing.seal_all(fleet.settings.sealed)
        assert forked(fleet, published(fleet)) == []
        superuser.execute("ALTER TABLE activity_entries DISABLE TRIGGER ALL")
        superuser.execute("UPDATE activity_entries SET occurred_at = occurred_at + interval '1 us' WHERE number = 2")
        [changed] = forked(fleet, published(fleet))

    assert Checkpoint.parse(Note.parse(changed).text).origin.endswith("/1/1")


@contextmanager
def writing(fleet: Fleet, actor: Actor, dice: random.Random) -> Iterator[None]:
    """People who change something again and again, while the block runs."""
    ending = threading.Event()

    def write(number: int) -> None:
        own = random.Random(dice.random())
        while not ending.is_set():
            edit(fleet, actor, f"o{number % ORGANISATIONS}", own)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for each in writers:
        each.start()
    try:
        yield
    finally:
        ending.set()
        for each in writers:
            each.join()


def checkpoints(fleet: Fleet) -> int:
    """How many there are."""
    return len(fleet.ask(NOTES))


def published(fleet: Fleet) -> set[str]:
    """What anyone could have kept by now: of the table, and of the file beside it."""
    notes = {str(note) for _, note in fleet.ask(NOTES)}
    file = fleet.settings.sealed
    return notes | ({file.read_text()} if file.exists() else set())


def forked(fleet: Fleet, seen: set[str]) -> list[str]:
    """Those that are not what the log says that it was at their size, or that its key has not signed."""
    roots = {}
    for organisation_id, last in fleet.ask(HEADS):
        assert isinstance(organisation_id, int)
        assert isinstance(last, int)
        roots[str(organisation_id)] = roots_of(list(leaves(organisation_id, 1, last)))
    roots["meta"] = roots_of([str(leaf).encode() for (leaf,) in fleet.ask(META_LEAVES)])
    [public] = SigningKeys(fleet.settings.signing_keys).publics()
    wrong = []
    for each in seen:
        note = Note.parse(each)
        found = Checkpoint.parse(note.text)
        of = found.origin.split("/")[1]
        good = note.verified_by([Verifier(found.origin, public.public)])
        if not good or found.size >= len(roots[of]) or roots[of][found.size] != found.root:
            wrong.append(each)
    return wrong


def roots_of(entries: list[bytes]) -> list[bytes]:
    """The root of each size, from nothing on."""
    frontier = Frontier()
    found = [frontier.root()]
    for each in entries:
        frontier.append(leaf_hash(each))
        found.append(frontier.root())
    return found
