"""A witness as a process of its own, asked over HTTP, forked, and killed."""

import http.client
import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.processes import free_port
from models.log.proof.checkpoint import cosigner
from models.log.proof.note import Signer
from tests.support.witnesses import LOG, Answered, Log, Running, witness
from web.cli import main
from web.witness import key

KILLS = 6
GROWN = Log([b"%d" % each for each in range(20)])
FORKED = Log([*GROWN.leaves[:5], b"another", *GROWN.leaves[6:]])
OTHER_KEY = Signer(LOG.name, bytes(range(1, 33)))
STRANGER = Signer("stranger.example.com", bytes(range(2, 34)))


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with witness(tmp_path, LOG.verifier) as found:
        yield found


def test_it_cosigns_what_has_grown_and_says_when(running: Running) -> None:
    before = int(time.time())
    first = running.post(GROWN.submission(0, 7))
    second = running.post(GROWN.submission(7, 20))
    again = running.post(GROWN.submission(20, 20))

    assert [each.status for each in (first, second, again)] == [200, 200, 200]
    for answer, size in ((first, 7), (second, 20), (again, 20)):
        seconds = GROWN.cosigned(answer.text, running.verifier, size)
        assert seconds
        assert before <= seconds <= time.time()


def test_it_tells_the_size_that_it_knows(running: Running) -> None:
    nothing = running.post(GROWN.submission(5, 7))
    running.post(GROWN.submission(0, 7))
    something = running.post(GROWN.submission(0, 20))

    assert nothing == Answered(409, "text/x.tlog.size", "0\n")
    assert something == Answered(409, "text/x.tlog.size", "7\n")


def test_a_forked_log_is_refused_and_denounced(running: Running) -> None:
    running.post(GROWN.submission(0, 7))
    grown_apart = running.post(FORKED.submission(7, 20))
    of_one_size = running.post(FORKED.submission(7, 7))

    assert grown_apart.status == 422
    assert of_one_size == Answered(409, "text/x.tlog.size", "7\n")
    assert FORKED.note(20) in running.log.read_text()
    assert FORKED.note(7) in running.log.read_text()
    assert running.post(GROWN.submission(7, 20)).status == 200


def test_whom_it_does_not_know_it_does_not_cosign(running: Running) -> None:
    assert running.post(GROWN._replace(signer=STRANGER).submission(0)).status == 404
    assert running.post(GROWN._replace(signer=OTHER_KEY).submission(0)).status == 403
    damaged = str(GROWN.submission(0)).replace(GROWN.note().split(" ")[-1][8:20], "A" * 12)
    assert running.post(damaged).status == 403


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"\xff\xfe", 400),
        (b"old 1\n\nnothing\n", 400),
        (str(GROWN.submission(7, 7)._replace(old=8)).encode(), 400),
        (b"x" * 70_000, 413),
        (b"x" * 1_100_000, 413),
    ],
)
def test_what_is_no_request_is_refused(running: Running, body: bytes, status: int) -> None:
    assert running.post(body).status == status


def test_it_answers_to_nothing_else(running: Running) -> None:
    assert running.post("", path="/").status == 404
    assert running.post("", method="GET").status == 405


def test_it_keeps_its_key_and_what_it_knows_when_it_starts_again(tmp_path: Path) -> None:
    with witness(tmp_path, LOG.verifier) as first:
        first.post(GROWN.submission(0, 7))
    with witness(tmp_path, LOG.verifier) as second:
        assert second.verifier == first.verifier
        assert second.post(FORKED.submission(7, 20)).status == 422
    assert (tmp_path / "witness" / "key").stat().st_mode & 0o077 == 0


def test_two_keys_of_one_log_are_both_its_own(tmp_path: Path) -> None:
    with witness(tmp_path, LOG.verifier, OTHER_KEY.verifier) as running:
        assert running.post(GROWN.submission(0, 7)).status == 200
        assert running.post(GROWN._replace(signer=OTHER_KEY).submission(7, 20)).status == 200


def test_it_does_not_begin_again_when_what_it_knew_is_damaged(running: Running, tmp_path: Path) -> None:
    running.post(GROWN.submission(0, 7))
    [file] = (tmp_path / "witness").glob("*.checkpoint")
    file.write_text("nothing")

    assert running.post(FORKED.submission(0, 20)).status == 500


def test_of_two_forks_that_race_it_cosigns_one_whenever_it_is_killed(tmp_path: Path) -> None:
    port = free_port()
    forks = [Log([b"one"]), Log([b"other"])]
    told: list[Log] = []
    for _ in range(KILLS):
        with witness(tmp_path, LOG.verifier, port=port) as running:
            told += race(running, forks, known=len(forks[0].leaves) - 1)
        with witness(tmp_path, LOG.verifier, port=port) as running:
            kept = [each for each in forks if cosigned(running, each, len(each.leaves))]
        assert len(kept) <= 1
        assert all(each in kept for each in told)
        if kept:
            forks, told = [Log([*kept[0].leaves, b"one"]), Log([*kept[0].leaves, b"other"])], []


def race(running: Running, forks: Sequence[Log], known: int) -> list[Log]:
    """Have forks ask a witness at the same time, and kill it meanwhile; returns those that were cosigned."""
    asking = [each for each in forks for _ in range(2)]
    with ThreadPoolExecutor(len(asking)) as threads:
        answers = [threads.submit(cosigned, running, each, known) for each in asking]
        time.sleep(random.random() * 0.05)  # anywhere in its work
        running.kill()
        return [each for each, answer in zip(asking, answers, strict=True) if answer.result()]


def cosigned(running: Running, log: Log, known: int) -> bool:
    """Whether the witness has cosigned all of a log; not when it is killed before it can say so."""
    try:
        return running.post(log.submission(known)).status == 200
    except (OSError, http.client.HTTPException):
        return False


def test_a_name_and_its_key_stay_together(tmp_path: Path) -> None:
    key.make(tmp_path / "key", "witness.example.com/one")
    other = CliRunner().invoke(main, ["witness", str(tmp_path), "--name", "witness.example.com/two"])

    assert other.exit_code == 1
    assert "is called witness.example.com/one" in other.output
    assert key.load(tmp_path / "key").name == "witness.example.com/one"


def test_a_key_that_was_cut_off_is_not_used(tmp_path: Path) -> None:
    made = key.make(tmp_path / "key", "witness.example.com/one")
    written = (tmp_path / "key").read_text()
    (tmp_path / "key").write_text(written[:-10])

    with pytest.raises(key.WrongKey):
        key.load(tmp_path / "key")
    assert cosigner(made).key_id.hex() in written


@pytest.mark.parametrize("given", ["nonsense", str(cosigner(LOG))])
def test_only_a_log_s_key_is_a_log_s(tmp_path: Path, given: str) -> None:
    answer = CliRunner().invoke(main, ["witness", str(tmp_path), "--name", "one", "--log", given])

    assert answer.exit_code == 2
