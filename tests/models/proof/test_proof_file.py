"""Proofs in files."""

import pytest

from models.log.proof.checkpoint import Checkpoint
from models.log.proof.note import BadNote, Signer
from models.log.proof.proof_file import ProofFile
from models.log.proof.tree import inclusion_proof, leaf_hash, root
from tests.models.proof.test_tree import reader

# As c2sp.org/tlog-proof prints one, its cosignatures left out.
WRITTEN = """c2sp.org/tlog-proof@v1
extra YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6
index 73894
gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=

example.com/fancylog
109482
sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=

— example.com/fancylog hI2DJwAA
"""
LOG = Signer("log.example.com/acme", bytes(range(32)))
LEAVES = [b"entry %d" % each for each in range(7)]


@pytest.fixture
def made() -> ProofFile:
    """That entry 4 is among seven."""
    node = reader([leaf_hash(each) for each in LEAVES])
    checkpoint = Checkpoint(LOG.name, 7, root(7, node)).signed(LOG)
    return ProofFile(4, inclusion_proof(4, 7, node), str(checkpoint))


def test_the_specification_s_own_is_read_and_written_again() -> None:
    found = ProofFile.parse(WRITTEN)

    assert (found.leaf, len(found.path)) == (73_894, 2)
    assert found.extra == b"age-v1.2.1-darwin-arm64.tar.gz"
    assert str(found) == WRITTEN


def test_it_shows_the_entry_and_no_other(made: ProofFile) -> None:
    found = ProofFile.parse(str(made))

    assert found == made
    assert found.shows(LEAVES[4], LOG.verifier)
    assert not found.shows(LEAVES[3], LOG.verifier)
    assert not found._replace(leaf=3).shows(LEAVES[4], LOG.verifier)
    with pytest.raises(BadNote, match="has not signed it"):
        found.shows(LEAVES[4], Signer(LOG.name, bytes(32)).verifier)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("@v1", "@v2"),
        ("index 73894", "index 073894"),
        ("index 73894\n", ""),
        ("index 73894", f"index {'9' * 5000}"),
        ("gSKyXoYZ", "gSKy"),
        ("gSKyXoYZ", "g!"),
        ("gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=", "gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=\n" * 70),
    ],
)
def test_what_is_no_proof_is_refused(old: str, new: str) -> None:
    with pytest.raises(BadNote):
        ProofFile.parse(WRITTEN.replace(old, new))
