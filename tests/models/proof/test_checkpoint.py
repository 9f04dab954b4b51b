"""Checkpoints and cosignatures."""

import pytest

from models.log.proof.checkpoint import Checkpoint, cosign, cosigned_at, cosigner, opened
from models.log.proof.note import BadNote, Note, Signer
from models.log.proof.tree import EMPTY_ROOT

# Of c2sp.org/tlog-cosignature, whose keys are not told.
WRITTEN = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
"""  # noqa: E501
LOG = Signer("log.example.com/acme", bytes(range(32)))
WITNESS = Signer("witness.example.com/w1", bytes(range(1, 33)))
NOW = 1_679_315_147
CHECKPOINT = Checkpoint("log.example.com/acme", 0, EMPTY_ROOT)


def test_the_specification_s_own_is_read_and_written_again() -> None:
    note = Note.parse(WRITTEN)
    found = Checkpoint.parse(note.text)

    assert (found.origin, found.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert str(found) == note.text
    # The cosignature is of 2023-03-20 12:25:47 UTC, as its first eight bytes say.
    assert int.from_bytes(note.signatures[1].value[:8]) == NOW
    assert len(note.signatures[1].value) == 8 + 64


def test_one_that_is_signed_is_opened_with_the_log_s_key_alone() -> None:
    written = str(CHECKPOINT.signed(LOG))

    assert opened(written, LOG.verifier) == CHECKPOINT
    with pytest.raises(BadNote, match="has not signed it"):
        opened(written, WITNESS.verifier)


def test_another_log_s_checkpoint_is_not_taken_though_the_key_is_right() -> None:
    other = CHECKPOINT._replace(origin="log.example.com/other")
    with pytest.raises(BadNote, match="not of log"):
        opened(str(other.signed(LOG)), LOG.verifier)


def test_a_witness_says_when() -> None:
    note = CHECKPOINT.signed(LOG)
    both = Note(note.text, [*note.signatures, cosign(note.text, WITNESS, NOW)])
    read = Note.parse(str(both))

    assert cosigned_at(read, cosigner(WITNESS)) == NOW
    assert cosigned_at(note, cosigner(WITNESS)) is None
    assert opened(str(both), LOG.verifier) == CHECKPOINT
    # A key signs notes under one id, and cosigns under another.
    assert cosigner(WITNESS).key_id != WITNESS.verifier.key_id


def test_a_cosignature_of_another_time_or_text_is_refused() -> None:
    note = CHECKPOINT.signed(LOG)
    line = cosign(note.text, WITNESS, NOW)
    for changed in (
        Note(note.text, [line._replace(value=bytes(8) + line.value[8:])]),
        Note(str(CHECKPOINT._replace(size=1)), [line]),
        Note(note.text, [line._replace(value=line.value[:8])]),
    ):
        with pytest.raises(BadNote):
            cosigned_at(changed, cosigner(WITNESS))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "origin\n1\n",
        "origin\n01\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "origin\n-1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "origin\n١\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        f"origin\n{'9' * 5000}\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "origin\n1\nCsUYapGG\n",
        "origin\n1\nnot base64\n",
        "origin\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\nmore\n",
        "origin\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(BadNote):
        Checkpoint.parse(text)
