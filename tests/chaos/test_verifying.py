"""`activity-log verify` beside writers, a sealer and erasures: what is still being written is never a finding."""

import itertools
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from models.database import db
from models.log.actor import Actor
from models.organisation import by_handle
from models.people.member import accept_invitation, find_member, invite_member
from models.people.user import sign_up
from models.transaction import transaction
from tests.chaos.conftest import LONG
from tests.chaos.fleet import Fleet
from tests.chaos.people import PATIENCE_SECONDS, ada, edit, furnish, insist
from tests.support.processes import environment

ROOT = Path(__file__).parents[2]
WRITERS, ORGANISATIONS = 4, 2
# The log grows all the while, and each round takes longer than the one before.
ROUNDS = 5 if LONG else 1
BUSY = "SELECT (SELECT sum(last_number) FROM activity_heads), (SELECT count(*) FROM activity_checkpoints)"
ERASED = "SELECT count(*) FROM activity_people WHERE name IS NULL"
FULL_TILE = "SELECT count(*) FROM activity_tiles WHERE organisation_id > 0 AND level = 0 AND index = 0"
OLDEST = "SELECT note FROM activity_checkpoints WHERE organisation_id = 1 ORDER BY size LIMIT 1"
NEWEST = "SELECT note FROM activity_checkpoints WHERE organisation_id = 0 ORDER BY size DESC LIMIT 1"


def test_what_happens_meanwhile_is_no_finding(fleet: Fleet, tmp_path: Path) -> None:
    actor = ada(fleet)
    for number in range(ORGANISATIONS):
        furnish(fleet, actor, f"o{number}", 3, 150)
    fleet.python("sealer", str(ROOT / "tests" / "chaos" / "sealer.py"))
    fleet.wait(FULL_TILE, [(ORGANISATIONS,)], PATIENCE_SECONDS)
    pins = [tmp_path / "organisation", tmp_path / "installation"]
    [before] = fleet.ask(BUSY)
    with busy(fleet, actor):
        for _ in range(ROUNDS):
            for pin, query in zip(pins, (OLDEST, NEWEST), strict=True):
                [(note,)] = fleet.ask(query)
                pin.write_text(str(note))
            for asked in (
                [],
                ["--org", "o1"],
                ["--org", "o0", "--since", "300"],
                ["--since", "300", "--pin", str(pins[0])],
                ["--pin", str(pins[0]), "--pin", str(pins[1])],
            ):
                ended = run(fleet, "verify", *asked)

                assert (ended.returncode, ended.stdout) == (0, ""), (asked, ended.stderr)
        fleet.wait(f"SELECT ({ERASED}) > 0", [(True,)], PATIENCE_SECONDS)
    assert all(int(str(now)) > int(str(then)) for then, now in zip(before, fleet.ask(BUSY)[0], strict=True))


def run(fleet: Fleet, *words: str) -> subprocess.CompletedProcess[str]:
    """A subcommand of `activity-log`, run to its end."""
    command = [sys.executable, "-c", "from web.cli import main; main()", *words]
    return subprocess.run(  # noqa: S603
        command, env=environment(fleet.settings), capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )


@contextmanager
def busy(fleet: Fleet, actor: Actor) -> Iterator[None]:
    """People who change something, and someone who has whoever just left erased, while the block runs."""
    ending = threading.Event()
    failed: list[BaseException] = []

    def write(number: int) -> None:
        dice = random.Random(number)
        while not ending.is_set():
            edit(fleet, actor, f"o{number % ORGANISATIONS}", dice)

    def erase() -> None:
        for number in itertools.count():
            if ending.is_set():
                return
            try:
                leave_and_erase(fleet, actor, number)
            except BaseException as error:
                failed.append(error)
                return

    people = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    people.append(threading.Thread(target=erase))
    for each in people:
        each.start()
    try:
        yield
    finally:
        ending.set()
        for each in people:
            each.join()
    assert not failed, failed


def leave_and_erase(fleet: Fleet, actor: Actor, number: int) -> None:
    """Someone signs up, joins, is removed and erased, with `activity-log erase`."""
    email, now = f"p{number}@example.com", datetime.now(UTC)
    with fleet.app.app_context():
        with transaction():
            someone = sign_up(email, f"Person {number}", "correct horse battery")
            someone.verified_at = now
        organisation = insist(lambda: by_handle(f"o{number % ORGANISATIONS}"))
        with transaction():
            invited = invite_member(organisation.id, actor, email, "member", now).invitation
        with transaction():
            accept_invitation(invited, someone, Actor(someone.id, someone.name, "member", actor.door), now)
        with transaction():
            find_member(organisation.id, someone.id).remove(actor)
        db.session.remove()
    ended = run(fleet, "erase", email, "--reason", "They have asked for it.")
    assert ended.returncode == 0, ended.stderr
