"""Environment variables: typed a line each, shown as dots."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import Invalid
from models.field import HANDLE
from models.kinds.environment import MASK, is_name, masked, merged, parse, stored_variables
from models.kinds.secret import Secret

names = st.text(st.characters(codec="utf-8", exclude_characters="="), min_size=1, max_size=20).filter(is_name)
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


def test_empty_lines_do_not_matter_and_blanks_of_values_do() -> None:
    assert parse("\nA= one \r\n \r\nB=two=three\n") == {"A": " one ", "B": "two=three"}


@pytest.mark.parametrize("typed", ["A =1", " A=1", "\tA=1", "A\u00a0=1", "\u2003A=1", " A = 1"])
def test_a_blank_beside_a_name_is_refused_and_never_taken_away(typed: str) -> None:
    with pytest.raises(Invalid, match="Line 2 has a blank beside the name"):
        parse(f"B=1\n{typed}")


def test_variables_stored_under_earlier_rules_are_still_read_shown_and_kept() -> None:
    stored = " A =1\nB =2\nC D=3\nB= 4"

    assert stored_variables(stored) == {"A": "1", "B": " 4", "C D": "3"}
    assert masked(stored) == f"A={MASK}\nB={MASK}\nC D={MASK}"
    assert merged(stored, f"A={MASK}\nB={MASK}") == "A=1\nB= 4"


@given(variables)
def test_what_was_stored_is_read_as_it_was_typed(typed: dict[str, str]) -> None:
    assert stored_variables(merged("", lines(typed))) == parse(lines(typed))


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ("A=1\nB", "Line 2 has no “=”"),
        ("A=1\n=1", "Line 2 has no name"),
        ("A B=1", "Line 1 has a blank, or"),
        ("A\u200bB=1", "Line 1 has a blank, or a character that nobody sees"),
        ("A=1\n# comment", "Line 2 is a comment"),
        ("\n #A=1", "Line 2 is a comment"),
        ("export A=1", "Line 1 begins with “export”"),
        ("A=1\n\nexport\tB", "Line 3 begins with “export”"),
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


@pytest.mark.parametrize("name", ["discovery.type", "1ST_KEY", "A-B", "Ä", "export", "spring[0].name"])
def test_a_name_that_docker_takes_is_taken(name: str) -> None:
    assert parse(f"{name}=1") == {name: "1"}


@given(st.from_regex(HANDLE, fullmatch=True))
def test_the_name_that_a_secret_has_in_containers_is_one_that_the_form_takes(handle: str) -> None:
    name = Secret(handle=handle).as_environment_name

    assert parse(f"{name}=1") == {name: "1"}


@pytest.mark.parametrize("value", [f"{MASK} ", f"x{MASK}", f"{MASK}{MASK}"])
def test_dots_with_something_added_are_neither_kept_nor_stored(value: str) -> None:
    with pytest.raises(Invalid, match="Leave the dots of A alone"):
        merged("A=1", f"A={value}")


def test_dots_for_a_new_name_ask_for_a_value() -> None:
    with pytest.raises(Invalid, match="Give B a value"):
        merged("A=1", f"A={MASK}\nB={MASK}")


@pytest.mark.parametrize("separator", ["\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"])
def test_only_a_line_break_breaks_a_line(separator: str) -> None:
    assert parse(f"A=one{separator}B=two") == {"A": f"one{separator}B=two"}
