"""The frozen bundles of tests/vectors, which docs/log.md points to: what was once signed is read for ever."""

import json
from pathlib import Path
from typing import Any

import pytest
from pymerkle import InmemoryTree

from models.log.proof.bundle import BundleCheck
from models.log.proof.note import Verifier
from models.log.proof.tree import Frontier, leaf_hash
from tests.support.bundles import Made, bundle

VECTORS = Path(__file__).parents[2] / "vectors"


@pytest.fixture
def expected() -> dict[str, Any]:
    """What comes out of them."""
    found: dict[str, Any] = json.loads((VECTORS / "expected.json").read_text())
    return found


def leaves() -> list[bytes]:
    """The lines of the complete bundle that are leaves, which are behind the first one and two names."""
    return (VECTORS / "complete.bundle").read_bytes().splitlines()[3:]


@pytest.mark.parametrize("name", ["complete.bundle", "chosen.bundle"])
def test_the_frozen_bundles_are_good(name: str, expected: dict[str, Any]) -> None:
    check = BundleCheck([Verifier.parse(expected["key"])])

    assert list(check.findings((VECTORS / name).read_bytes().splitlines(keepends=True))) == []


def test_the_complete_one_goes_on_from_the_checkpoint_that_was_kept(expected: dict[str, Any]) -> None:
    check = BundleCheck([Verifier.parse(expected["key"])], [(VECTORS / "kept-at-5.txt").read_text()])

    assert list(check.findings((VECTORS / "complete.bundle").read_bytes().splitlines(keepends=True))) == []
    assert check.pins_held == 1


def test_hashes_and_roots_come_out(expected: dict[str, Any]) -> None:
    frontier, roots = Frontier(), []
    for each in leaves():
        frontier.append(leaf_hash(each))
        roots.append(frontier.root().hex())

    assert [leaf_hash(each).hex() for each in leaves()] == expected["leaf_hashes"]
    assert roots == expected["roots"]


def test_others_find_the_same_roots(expected: dict[str, Any]) -> None:
    tree = InmemoryTree(algorithm="sha256")
    for each in leaves():
        tree.append_entry(each)

    assert [tree.get_root(size).hex() for size in range(1, 13)] == expected["roots"]


@pytest.mark.parametrize(
    ("name", "made"), [("complete.bundle", bundle()), ("chosen.bundle", bundle(chosen=[2, 5, 12]))]
)
def test_what_is_written_today_is_what_was_written_then(name: str, made: Made) -> None:
    assert (VECTORS / name).read_bytes() == bytes(made)
