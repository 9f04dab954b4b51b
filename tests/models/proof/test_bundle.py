"""Bundles: what is in one cannot be changed unseen, and what is missing shows."""

import json
from collections.abc import Callable, Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as some

from models.log.proof.bundle import BadBundle, BundleCheck, Header, person_line
from models.log.proof.checkpoint import cosign, cosigner
from models.log.proof.finding import Finding, Verdict
from models.log.proof.note import Note, Signer, Verifier
from models.log.proof.policy import Policy
from tests.support.bundles import INSTALLATION, KEY, META_ORIGIN, Made, bundle, checkpoint_of

WHOLE = bundle()
CHOSEN = bundle(chosen=[2, 5, 12])
OTHER_SEED = sha256(b"another key").digest()


def found(lines: Sequence[bytes], pins: Sequence[str] = (), key: Verifier = KEY) -> list[Finding]:
    """What is wrong."""
    return list(BundleCheck([key], pins).findings(lines))


def verdicts(lines: Sequence[bytes], pins: Sequence[str] = (), key: Verifier = KEY) -> set[Verdict]:
    """How bad it is."""
    return {each.verdict for each in found(lines, pins, key)}


@pytest.mark.parametrize(
    ("made", "names"), [(WHOLE, 2), (CHOSEN, 1), (bundle(1), 2), (bundle(300), 2), (bundle(300, [299]), 1)]
)
def test_nothing_is_wrong_with_a_good_one(made: Made, names: int) -> None:
    check = BundleCheck([KEY])

    assert list(check.findings(made.split())) == []
    assert (check.in_meta, check.names) == (True, names)


WITNESSES = [Signer(f"{name}.example.com", sha256(name.encode()).digest()) for name in ("one", "two", "three")]


def cosigned_by(*witnesses: Signer) -> list[bytes]:
    """The whole bundle, with the cosignatures of these under the checkpoint of the installation's own log."""
    head, *rest = WHOLE.split()
    header = Header.parse(head)
    assert header.meta
    lines = "".join(str(cosign(Note.parse(WHOLE.meta).text, each, 1_764_000_000)) for each in witnesses)
    told = header._replace(meta=header.meta._replace(checkpoint=WHOLE.meta + lines))
    return [f"{told}\n".encode(), *rest]


def test_a_quorum_of_witnesses_is_asked_for_when_a_policy_is_given() -> None:
    keys = "".join(f"witness {each.name} {cosigner(each)}\n" for each in WITNESSES)
    group = " ".join(each.name for each in WITNESSES)
    policy = Policy.parse(f"{keys}group some 2 {group}\nquorum some\n")

    def wrong(*witnesses: Signer) -> set[Verdict]:
        return {each.verdict for each in BundleCheck([KEY], (), policy).findings(cosigned_by(*witnesses))}

    assert wrong(*WITNESSES[:2]) == wrong(*WITNESSES) == set()
    assert wrong() == wrong(WITNESSES[2]) == {Verdict.UNKNOWN}
    # Of a witness's name, and of another key.
    assert wrong(WITNESSES[0], WITNESSES[1]._replace(seed=OTHER_SEED)) == {Verdict.UNKNOWN}


@pytest.mark.parametrize("made", [WHOLE, CHOSEN])
@given(data=some.data())
def test_no_byte_behind_the_first_line_can_be_another_one(made: Made, data: some.DataObject) -> None:
    head, *rest = made.split()
    body = bytearray(b"".join(rest))
    place = data.draw(some.integers(0, len(body) - 2))  # the last line may go without an end
    body[place] ^= data.draw(some.integers(1, 255))
    told = json.loads(head)
    if told["complete"] or body[place] not in b" \n\r\t":
        assert found([head, *bytes(body).splitlines(keepends=True)]) != []


def test_what_means_the_same_written_otherwise_is_a_finding() -> None:
    head, person, leaf, path, *rest = CHOSEN.split()
    salt, last = json.loads(person)["salt"].encode(), json.loads(path)[-1].encode()
    assert last.endswith(b"k=")
    assert found([head, person.replace(salt, salt.upper()), leaf, path, *rest]) != []
    assert found([head, person.replace(salt, b" " + salt), leaf, path, *rest]) != []
    assert found([head, person, leaf, path.replace(last, last[:-2] + b"l="), *rest]) != []


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines[:-1],
        lambda lines: [*lines[:5], *lines[6:]],
        lambda lines: [*lines[:5], lines[6], lines[5], *lines[7:]],
        lambda lines: [*lines, lines[-1]],
        lambda lines: [*lines[:5], lines[5], *lines[5:]],
        lambda lines: [*lines, b"[]\n"],
        lambda lines: [*lines, b"nothing\n"],
        lambda lines: lines[:1],
    ],
    ids=["cut", "removed", "swapped", "twice at the end", "twice", "a list", "no JSON", "only the first line"],
)
@pytest.mark.parametrize("made", [WHOLE, CHOSEN], ids=["whole", "chosen"])
def test_no_line_can_go_come_or_move(made: Made, change: Callable[[list[bytes]], list[bytes]]) -> None:
    assert verdicts(change(made.split())) == {Verdict.TAMPERED}


def test_entries_that_were_removed_with_the_first_line_adjusted_still_show() -> None:
    head, *rest = WHOLE.split()
    told = {**json.loads(head), "entries": 11}

    assert verdicts([json.dumps(told).encode(), *rest[:-1]]) == {Verdict.TAMPERED}


def test_a_name_is_the_one_that_was_committed_to() -> None:
    lines = [each.replace(b"Ada Lovelace", b"Mallory") for each in WHOLE.split()]

    assert [each.says for each in found(lines)] == ["The name 'Mallory' is not what the entries have committed to."]


def test_a_name_belongs_to_someone_of_whom_an_entry_speaks() -> None:
    head, *rest = WHOLE.split()
    made_up = person_line("Mallory", bytes(32), sha256(bytes(32) + b"Mallory").digest())

    assert [each.says for each in found([head, f"{made_up}\n".encode(), *rest])] == [
        "It names 1 people of whom no entry speaks."
    ]


def test_names_that_were_erased_are_not_missed() -> None:
    head, _, _, *entries = WHOLE.split()

    assert found([head, *entries]) == []


def test_a_checkpoint_that_somebody_else_signed_is_not_believed() -> None:
    [only] = found(bundle(seed=OTHER_SEED).split())

    assert "no signature of a key that is trusted" in only.says


def test_the_key_of_one_log_is_good_for_the_others_of_its_installation_alone() -> None:
    of_meta = Signer(META_ORIGIN, Signer("", bytes(32))._replace(name=META_ORIGIN).seed)
    of_meta = of_meta._replace(seed=sha256(b"a key of the tests").digest())
    elsewhere = of_meta._replace(name="elsewhere/7/1")

    assert found(WHOLE.split(), key=of_meta.verifier) == []
    assert verdicts(WHOLE.split(), key=elsewhere.verifier) == {Verdict.TAMPERED}


def test_a_checkpoint_of_another_organisation_is_not_taken() -> None:
    head, *rest = WHOLE.split()
    told = {**json.loads(head), "checkpoint": checkpoint_of(WHOLE.leaves, f"{INSTALLATION}/8/1")}

    assert verdicts([json.dumps(told).encode(), *rest]) == {Verdict.TAMPERED}


def test_a_proof_that_does_not_lead_to_the_installations_own_log_is_said() -> None:
    head, *rest = WHOLE.split()
    told = json.loads(head)
    told["meta"]["leaf"] = 3

    [only] = found([json.dumps(told).encode(), *rest])
    assert "the installation's own log" in only.says


@pytest.mark.parametrize("size", [1, 5, 12])
def test_a_complete_one_goes_on_from_what_was_kept_earlier(size: int) -> None:
    check = BundleCheck([KEY], [checkpoint_of(WHOLE.leaves[:size]), WHOLE.meta])

    assert list(check.findings(WHOLE.split())) == []
    assert check.pins_held == 2


def test_a_log_that_was_signed_anew_contradicts_what_was_kept_earlier() -> None:
    before = [*WHOLE.leaves[:3], b"what was there before", *WHOLE.leaves[4:8]]

    assert verdicts(WHOLE.split(), [checkpoint_of(before)]) == {Verdict.GONE_BACK}
    assert verdicts(WHOLE.split(), [checkpoint_of(before[:3])]) == set()


def test_a_log_that_is_shorter_than_what_was_kept_has_gone_back() -> None:
    assert verdicts(bundle(5).split(), [WHOLE.checkpoint]) == {Verdict.GONE_BACK}


@pytest.mark.parametrize(
    ("made", "pin"),
    [
        (CHOSEN, checkpoint_of(WHOLE.leaves[:5])),
        (WHOLE, checkpoint_of(WHOLE.leaves[:5], f"{INSTALLATION}/8/1")),
        (WHOLE, checkpoint_of(WHOLE.leaves[:5], "elsewhere/7/1")),
        (WHOLE, checkpoint_of(WHOLE.leaves[:2], META_ORIGIN)),
    ],
    ids=["of chosen entries", "another organisation", "another installation", "the installation's own, earlier"],
)
def test_what_cannot_be_compared_is_said(made: Made, pin: str) -> None:
    assert verdicts(made.split(), [pin]) == {Verdict.UNKNOWN}


@pytest.mark.parametrize("line", [b"", b"nothing", b"{}", b"[]", b"\xff", b'{"format": "activity-log bundle", "v": 2}'])
def test_what_is_no_bundle_is_refused(line: bytes) -> None:
    with pytest.raises(BadBundle):
        found([line])
