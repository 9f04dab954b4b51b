"""Policies: which cosignatures are enough."""

from itertools import combinations

import pytest

from models.log.proof.checkpoint import Checkpoint, cosign, cosigner
from models.log.proof.note import BadNote, Note, Signature, Signer
from models.log.proof.policy import BadPolicy, Policy, satisfied
from models.log.proof.tree import EMPTY_ROOT

NAMES = ("X1", "X2", "X3", "Y1", "Y2", "Y3")
LOG = Signer("log.example.com", bytes(range(32)))
OTHER_LOG = Signer("other.example.com", bytes(range(1, 33)))
WITNESSES = {name: Signer(f"{name}.example.com", bytes([nth] * 32)) for nth, name in enumerate(NAMES)}
KEYS = {name: str(cosigner(signer)) for name, signer in WITNESSES.items()}
NOW = 1_679_315_147
# The example of c2sp.org/tlog-policy, with keys of ours where it leaves them out.
PRINTED = f"""log {LOG.verifier}

witness X1 {KEYS["X1"]}
witness X2 {KEYS["X2"]}
witness X3 {KEYS["X3"]}
group X-witnesses 2 X1 X2 X3

witness Y1 {KEYS["Y1"]}
witness Y2 {KEYS["Y2"]}
witness Y3 {KEYS["Y3"]}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""
POLICY = Policy.parse(PRINTED)
ONE = f"witness one {KEYS['X1']} https://witness.example.com/\n"


def note(*names: str, signer: Signer = LOG) -> Note:
    """A checkpoint that these witnesses have cosigned."""
    signed = Checkpoint(LOG.name, 0, EMPTY_ROOT).signed(signer)
    return Note(signed.text, [*signed.signatures, *(cosign(signed.text, WITNESSES[each], NOW) for each in names)])


def test_the_specification_s_own_is_satisfied_by_two_of_one_group_and_one_of_the_other() -> None:
    for count in range(len(NAMES) + 1):
        for names in combinations(NAMES, count):
            xs = sum(name.startswith("X") for name in names)
            assert satisfied(note(*names), POLICY) == (xs >= 2 and count - xs >= 1)


def test_it_says_who_has_cosigned_and_when() -> None:
    assert POLICY.witnessed(note("X2", "Y1")) == {"X2": NOW, "Y1": NOW}


def test_blanks_comments_addresses_and_the_order_of_lines_are_read() -> None:
    found = Policy.parse(f"# ours\n\n \t{ONE}  # more\nlog\t{LOG.verifier}  https://log.example.com \n quorum one \n")

    assert found.witnesses["one"].url == "https://witness.example.com/"
    assert found.logs[0].url == "https://log.example.com"
    assert satisfied(note("X1"), found)
    assert not satisfied(note("X2"), found)


def test_a_policy_may_ask_for_no_witness_at_all() -> None:
    assert satisfied(note(), Policy.parse(f"log {LOG.verifier}\nquorum none\n"))


def test_the_log_must_have_signed_its_own_checkpoint() -> None:
    both = Policy.parse(f"log {LOG.verifier}\nlog {OTHER_LOG.verifier}\nquorum none\n")

    assert not satisfied(note(signer=OTHER_LOG), both)
    assert satisfied(note(signer=OTHER_LOG), Policy.parse("quorum none\n"))


def test_a_cosignature_that_is_not_good_is_no_cosignature_and_is_said() -> None:
    good = note("X1", "Y1")
    [bad] = note("X2").signatures[1:]
    forged = Signature(bad.name, bad.key_id, bad.value[:-1] + bytes([bad.value[-1] ^ 1]))

    with pytest.raises(BadNote, match="not good"):
        satisfied(Note(good.text, [*good.signatures, forged]), POLICY)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("", "no line with a quorum"),
        (ONE, "no line with a quorum"),
        (f"{ONE}quorum one\nquorum one\n", "line 3"),
        ("quorum one\n", "line 1: no line before names one"),
        (f"quorum one\n{ONE}", "line 1"),
        (f"{ONE}witness one {KEYS['X2']}\nquorum one\n", "is taken"),
        (f"witness none {KEYS['X2']}\nquorum none\n", "is taken"),
        (f"{ONE}witness two {KEYS['X1']}\nquorum one\n", "there twice"),
        (f"log {LOG.verifier}\nlog {LOG.verifier}\nquorum none\n", "there twice"),
        (f"witness one {LOG.verifier}\nquorum one\n", "another type"),
        (f"log {KEYS['X1']}\nquorum none\n", "another type"),
        ("witness one nonsense\nquorum one\n", "not a verifier key"),
        (f"{ONE}group all-of-us 2 one\nquorum one\n", "can never be"),
        (f"{ONE}group all-of-us 0 one\nquorum one\n", "can never be"),
        (f"{ONE}group all-of-us 01 one\nquorum one\n", "not a plain number"),
        (f"{ONE}group all-of-us some one\nquorum one\n", "not a plain number"),
        (f"{ONE}group all-of-us any\nquorum one\n", "not a line"),
        (f"{ONE}group g any none\nquorum one\n", "no line before names none"),
        (f"{ONE}group g any one one\nquorum g\n", "member twice"),
        (f"{ONE}group g any one\ngroup h any one\nquorum g\n", "member twice"),
        (f"{ONE}group g any g\nquorum g\n", "no line before names g"),
        (f"{ONE[:-1]} and more\nquorum one\n", "not a line"),
        (f"{ONE}quorum one\r\n", "control character"),
        ("witnesses all of them\nquorum none\n", "not a line"),
    ],
)
def test_what_is_written_otherwise_is_refused_with_the_line(written: str, why: str) -> None:
    with pytest.raises(BadPolicy, match=why):
        Policy.parse(written)
