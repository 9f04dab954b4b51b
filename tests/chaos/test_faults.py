"""Workers, broker, scheduler and PostgreSQL die at random during deletions; nothing is lost, nothing is double."""

import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg

from models.log.actor import Actor
from tests.chaos.conftest import LONG
from tests.chaos.fleet import Fleet
from tests.chaos.people import ada, double_click, edit, furnish
from tests.support.history import Snapshot, differences, rows_of
from tests.support.proof import violations

ORGANISATIONS = 8
PROJECTS = 3
CONTAINERS = 1000
FAULTS = 24 if LONG else 8
DONE_SECONDS = 90
# Of each kind, how many rows are compared with what the log tells of them, at each click and after all.
LOOKED_AT, LOOKED_AT_LAST = 25, None if LONG else 1000
UNFINISHED = "SELECT count(*) FROM jobs WHERE state IN ('ready', 'stuck')"
ENDS = """
    SELECT count(*), count(DISTINCT (organisation_id, resource_id)) FROM activity_entries WHERE action = 'terminate'
"""
ALIVE = "SELECT count(*) FROM containers WHERE ended_at IS NULL"


def test_nothing_is_lost_or_doubled_whatever_is_killed(fleet: Fleet) -> None:
    seed = int(os.environ.get("CHAOS_SEED") or random.SystemRandom().randrange(10**6))
    print(f"CHAOS_SEED={seed}: {ORGANISATIONS * PROJECTS * CONTAINERS:,} containers, {FAULTS} faults")
    dice = random.Random(seed)
    actor = ada(fleet)
    for number in range(ORGANISATIONS):
        furnish(fleet, actor, f"o{number}", PROJECTS, CONTAINERS)
    fleet.workers("first", "second")
    fleet.launch("scheduler", "scheduler")

    taken: list[Snapshot] = []
    in_work = strike(fleet, actor, dice, taken)
    took = fleet.wait(UNFINISHED, [(0,)], DONE_SECONDS)
    print(f"done {took:.1f} s after the last fault; {in_work} of {FAULTS} faults struck while jobs were unfinished")

    assert in_work >= FAULTS // 3
    assert fleet.ask(ALIVE) == [(0,)]
    assert fleet.patiently(lambda connection: [(each,) for each in violations(connection)]) == []
    assert fleet.ask(ENDS) == [(ORGANISATIONS * PROJECTS * CONTAINERS,) * 2]
    taken.append(look(fleet, LOOKED_AT_LAST))
    with fleet.app.app_context():
        assert differences(taken) == []


def look(fleet: Fleet, most: int | None) -> Snapshot:
    """What is stored now."""
    [(found,)] = fleet.patiently(lambda connection: [(rows_of(connection, most),)])
    assert isinstance(found, Snapshot)
    return found


def strike(fleet: Fleet, actor: Actor, dice: random.Random, taken: list[Snapshot]) -> int:
    """Edits and deletions, and a fault right after some of them; returns how many faults found work unfinished."""
    # Two projects of each by themselves, then the organisation with what is left in it.
    targets = [
        (f"o{number}", f"p{place}" if place < PROJECTS - 1 else None)
        for number in range(ORGANISATIONS)
        for place in range(PROJECTS)
    ]
    targets.sort(key=lambda target: (target[1] is None, dice.random()))
    kinds = ["worker", "child", "scheduler", "broker", "database", "flush"]
    faults = [kinds[place % len(kinds)] for place in range(FAULTS)]
    dice.shuffle(faults)
    in_work = 0
    begin = time.monotonic()
    with ThreadPoolExecutor(1) as hand:
        for place, target in enumerate(targets):
            edit(fleet, actor, target[0], dice)
            taken.append(look(fleet, LOOKED_AT))
            click = hand.submit(double_click, fleet, actor, *target)
            while not click.done() and fleet.ask(UNFINISHED) == [(0,)]:
                time.sleep(0.001)
            if (place + 1) * FAULTS // len(targets) > place * FAULTS // len(targets):
                fault = faults.pop()
                time.sleep(dice.uniform(0, 0.02))
                unfinished = fleet.ask(UNFINISHED)[0][0]
                inflict(fleet, fault, dice)
                in_work += unfinished != 0
                print(f"{time.monotonic() - begin:6.2f} s  {fault:9}  {unfinished} jobs unfinished")
            click.result()
            time.sleep(dice.uniform(0.05, 0.6))
    assert not faults
    return in_work


def inflict(fleet: Fleet, fault: str, dice: random.Random) -> None:
    """One fault, for real."""
    if fault == "flush":
        fleet.flush_broker()
        return
    if fault == "child":
        children = fleet.members[dice.choice(["first", "second"])].children
        if children:
            os.kill(dice.choice(children), signal.SIGKILL)
        return
    name = {"broker": "Valkey", "database": "PostgreSQL", "scheduler": "scheduler"}.get(fault)
    fleet.members[name or dice.choice(["first", "second"])].process.kill()


def test_the_proof_can_fail(fleet: Fleet, superuser: psycopg.Connection) -> None:
    actor = ada(fleet)
    furnish(fleet, actor, "acme", 1, 20)
    assert violations(superuser) == []
    superuser.execute("ALTER TABLE activity_entries DISABLE TRIGGER ALL")
    breaks = {
        "UPDATE containers SET state = 'terminated', ended_at = now() WHERE id = 1": "whose end is not what",
        "UPDATE containers SET state = 'suspended' WHERE id = 2": "in a state that no entry tells",
        "UPDATE containers SET image = 'nginx:1.29' WHERE id = 3": "whose fields are not what",
        "DELETE FROM activity_entries WHERE number = 10": "numbers have a gap",
        "UPDATE activity_entries SET occurred_at = occurred_at - interval '1 day' WHERE number = 11": "time runs",
        "UPDATE activity_entries SET action = 'create' WHERE resource_type = 'secret'": "",
        "UPDATE activity_entries SET actor_id = NULL WHERE number = 12": "the system acted without a cause",
        "UPDATE activity_entries SET cause_number = 4000 WHERE number = 13": "a cause that is not there",
        "INSERT INTO activity_runs VALUES (1, 1, 2, 1, NULL, '{}')": "a run that is not what",
        "UPDATE projects SET state = 'deleted'": "that was lost",
        "UPDATE billing_accounts SET cpu_millicores = 1": "is not what is in use",
        "UPDATE activity_entries SET action = 'terminate' WHERE number = 14": "no legal path",
    }
    for statement, complaint in breaks.items():
        superuser.execute(statement.encode())
        assert any(complaint in each for each in violations(superuser)) or not complaint, (
            statement,
            violations(superuser),
        )
