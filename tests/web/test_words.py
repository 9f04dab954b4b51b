"""Words that depend on a number."""

import pytest

from models.kinds.catalogue import KINDS
from web.words import plural


@pytest.mark.parametrize(
    ("noun", "count", "words"),
    [
        ("entry", 1, "entry"),
        ("entry", 0, "entries"),
        ("entry", 2, "entries"),
        ("entry", "99+", "entries"),
        ("resource", 1, "resource"),
        ("resource", None, "resources"),
        ("project", 2, "projects"),
    ],
)
def test_a_noun_goes_with_its_count(noun: str, count: object, words: str) -> None:
    assert plural(noun, count) == words


def test_a_kind_has_the_plural_it_declares() -> None:
    assert [plural(kind.noun) for kind in KINDS] == [kind.plural for kind in KINDS]
