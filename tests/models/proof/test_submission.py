"""Requests to witnesses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.log.proof.note import BadNote
from models.log.proof.submission import Conflict, NotConsistent, Submission
from tests.support.witnesses import Log

# Of c2sp.org/tlog-witness.
PRINTED = """old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
"""  # noqa: E501
GROWN = Log([b"%d" % each for each in range(20)])
FORKED = Log([*GROWN.leaves[:5], b"another", *GROWN.leaves[6:]])


def test_the_specification_s_own_is_read_and_written_again() -> None:
    found = Submission.parse(PRINTED)

    assert (found.old, len(found.proof)) == (20_852_014, 4)
    assert found.checkpoint.startswith("example.com/behind-the-sofa\n20852163\n")
    assert str(found) == PRINTED


@pytest.mark.parametrize(
    "written",
    [
        "",
        "old 5\n",
        PRINTED.replace("old ", "new "),
        PRINTED.replace("old 2", "old 02"),
        PRINTED.replace("old 2", "old +2"),
        PRINTED.replace("old 2", "old  2"),
        PRINTED.replace("PlRN", "Pl!N"),
        PRINTED.replace("PlRNCrwH", "PlRN"),
        "old 1\n" + 64 * "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n" + "\nrest",
    ],
)
def test_what_is_written_otherwise_is_refused(written: str) -> None:
    with pytest.raises(BadNote):
        Submission.parse(written)


@given(st.integers(0, 20), st.integers(0, 20))
def test_growth_is_accepted_from_every_size_to_every_later_one(first: int, second: int) -> None:
    old, size = sorted((first, second))
    asked = Submission.parse(str(GROWN.submission(old, size)))

    asked.check(GROWN.checkpoint(size), GROWN.checkpoint(old) if old else None)


@given(st.integers(6, 20), st.integers(6, 20))
def test_a_fork_is_refused_at_every_size(first: int, second: int) -> None:
    old, size = sorted((first, second))
    with pytest.raises(Conflict if old == size else NotConsistent):
        FORKED.submission(old, size).check(FORKED.checkpoint(size), GROWN.checkpoint(old))


@pytest.mark.parametrize(("known", "old"), [(None, 3), (7, 3), (7, 0), (3, 7)])
def test_another_size_than_the_known_one_is_told(known: int | None, old: int) -> None:
    with pytest.raises(Conflict) as told:
        GROWN.submission(old).check(GROWN.checkpoint(), GROWN.checkpoint(known) if known else None)

    assert (told.value.size, told.value.is_forked) == (known or 0, False)


def test_the_first_checkpoint_needs_no_proof_and_bears_none() -> None:
    asked = GROWN.submission(0)

    asked.check(GROWN.checkpoint(), None)
    with pytest.raises(NotConsistent):
        asked._replace(proof=[bytes(32)]).check(GROWN.checkpoint(), None)


def test_an_old_size_beyond_the_checkpoint_is_no_request_at_all() -> None:
    with pytest.raises(BadNote, match="beyond"):
        GROWN.submission(7, 7)._replace(old=8).check(GROWN.checkpoint(7), GROWN.checkpoint(8))
