"""Environment variables: typed a line each, shown as dots."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import Invalid
from models.kinds.environment import MASK, NAME, masked, merged, parse

names = st.from_regex(NAME, fullmatch=True)
values = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), max_size=20)
variables = st.dictionaries(names, values, max_size=6)


def lines(given_variables: dict[str, str]) -> str:
    """As typed."""
    return "\n".join(f"{name}={value}" for name, value in given_variables.items())


@given(variables)
def test_what_is_typed_is_understood(typed: dict[str, str]) -> None:
    assert parse(lines(typed)) == typed


@given(variables)
def test_what_is_shown_has_every_name_and_no_value(typed: dict[str, str]) -> None:
    assert masked(lines(typed)) == lines(dict.fromkeys(typed, MASK))


@given(variables)
def test_what_is_shown_and_sent_back_changes_nothing(stored: dict[str, str]) -> None:
    assert merged(lines(stored), masked(lines(stored))) == lines(stored)


@given(variables, variables)
def test_what_is_typed_replaces_what_was_there(stored: dict[str, str], typed: dict[str, str]) -> None:
    fresh = {name: value for name, value in typed.items() if value != MASK}

    assert parse(merged(lines(stored), lines(fresh))) == fresh


@given(variables, names, values)
def test_one_value_changes_and_the_dots_keep_the_others(stored: dict[str, str], name: str, value: str) -> None:
    if value == MASK:
        return
    sent = {**dict.fromkeys(stored, MASK), name: value}

    assert parse(merged(lines(stored), lines(sent))) == {**stored, name: value}


def test_empty_lines_and_spaces_around_names_do_not_matter() -> None:
    assert parse("\n A = one \r\n\r\n\tB=two=three\n") == {"A": " one ", "B": "two=three"}


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ("A=1\nB", "Line 2 is not"),
        ("=1", "Line 1 is not"),
        ("1A=1", "Line 1 is not"),
        ("A-B=1", "Line 1 is not"),
        ("Ä=1", "Line 1 is not"),
        ("# comment", "Line 1 is not"),
        ("A=1\n\nA=2", "Line 3 sets"),
    ],
)
def test_a_wrong_line_is_named(typed: str, complaint: str) -> None:
    with pytest.raises(Invalid, match=complaint) as refused:
        parse(typed)

    assert refused.value.field == "environment"


def test_a_complaint_does_not_repeat_what_was_typed() -> None:
    with pytest.raises(Invalid) as refused:
        parse("opensesame")

    assert "opensesame" not in str(refused.value)


def test_dots_for_a_new_name_ask_for_a_value() -> None:
    with pytest.raises(Invalid, match="Give B a value"):
        merged("A=1", f"A={MASK}\nB={MASK}")


@pytest.mark.parametrize("separator", ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"])
def test_only_a_line_break_breaks_a_line(separator: str) -> None:
    assert parse(f"A=one{separator}B=two") == {"A": f"one{separator}B=two"}
