"""Canonical JSON: byte for byte what the `rfc8785` package makes of thousands of values."""

import json
from typing import Any

import psycopg
import pytest
import rfc8785
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from models.log.proof.canonical import EXACT_MOST, NotCanonical, canonical

EXAMPLES = 5000
# PostgreSQL keeps no NUL in a text, and UTF-8 has no lone surrogates.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-EXACT_MOST, EXACT_MOST) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@hypothesis(max_examples=EXAMPLES)
@given(VALUES)
def test_it_is_what_the_package_makes(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


def test_it_survives_postgresql(superuser: psycopg.Connection) -> None:
    @hypothesis(max_examples=500)
    @given(VALUES)
    def survives(value: Any) -> None:
        written = json.dumps(value)
        [(read,)] = superuser.execute("SELECT %s::jsonb", [written]).fetchall()
        assert canonical(read) == canonical(value)

    survives()


def test_names_are_sorted_as_the_standard_prints_it() -> None:
    # RFC 8785 section 3.2.3.
    value = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7}

    assert list(json.loads(canonical(value))) == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]


@pytest.mark.parametrize(
    "value", [1.5, float("nan"), EXACT_MOST + 1, {1: 2}, b"bytes", "\ud800", {"\udfff": 1}, object()]
)
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(NotCanonical):
        canonical([value])


def test_what_is_nested_too_deeply_is_refused() -> None:
    value: list[Any] = []
    for _ in range(100_000):
        value = [value]

    with pytest.raises(NotCanonical):
        canonical(value)
