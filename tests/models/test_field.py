"""The declaration of a field is the only judge of its values."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import Invalid
from models.field import BIDIRECTIONAL, HANDLE, HANDLE_MOST, RESERVED_HANDLES, Field, Shape

anything = st.one_of(
    st.text(), st.integers(), st.none(), st.booleans(), st.binary(), st.lists(st.text(max_size=5), max_size=3)
)
DECLARED = {
    Shape.TEXT: Field("Name", most=77),
    Shape.HANDLE: Field("Handle", Shape.HANDLE),
    Shape.NUMBER: Field("Port", Shape.NUMBER, least=1, most=65_535),
    Shape.CHOICE: Field("Memory", Shape.CHOICE, choices=(64, 128)),
    Shape.LINES: Field("Lines", Shape.LINES, most=50, required=False),
    Shape.SECRET: Field("Value", Shape.SECRET, most=50),
    Shape.REFERENCE: Field("Registry", Shape.REFERENCE, required=False),
    Shape.REFERENCES: Field("Secrets", Shape.REFERENCES, required=False),
}


@pytest.mark.parametrize("shape", Shape)
@given(value=anything)
def test_whatever_is_given_is_taken_or_refused_with_a_sentence(shape: Shape, value: Any) -> None:
    if shape is Shape.REFERENCES and not isinstance(value, list | None):
        return
    try:
        DECLARED[shape].check(value)
    except Invalid as refused:
        assert str(refused).endswith(".")  # noqa: PT017


@pytest.mark.parametrize("shape", Shape)
@given(value=anything)
def test_what_was_taken_is_taken_again_unchanged(shape: Shape, value: Any) -> None:
    if shape is Shape.REFERENCES and not isinstance(value, list | None):
        return
    try:
        taken = DECLARED[shape].check(value)
    except Invalid:
        return
    assert DECLARED[shape].check(taken) == taken


@given(st.text(max_size=90))
def test_a_text_that_is_taken_fits_and_shows_what_it_is(value: str) -> None:
    try:
        taken = DECLARED[Shape.TEXT].check(value)
    except Invalid:
        return
    assert 0 < len(taken) <= 77
    assert taken == taken.strip()
    assert not any(ord(each) < 32 or 127 <= ord(each) < 160 or each in BIDIRECTIONAL for each in taken)


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b", "\x7f", "\x85", "\ud800", *BIDIRECTIONAL])
@pytest.mark.parametrize("shape", [Shape.TEXT, Shape.LINES, Shape.SECRET, Shape.HANDLE, Shape.REFERENCE])
def test_control_characters_are_refused_everywhere(shape: Shape, character: str) -> None:
    with pytest.raises(Invalid):
        DECLARED[shape].check(f"a{character}b")


@pytest.mark.parametrize("character", ["\n", "\r", "\t"])
def test_line_breaks_are_for_what_has_lines(character: str) -> None:
    assert DECLARED[Shape.SECRET].check(f"a{character}b") == f"a{character}b"
    assert DECLARED[Shape.LINES].check(f"a{character}b") == f"a{character}b"
    with pytest.raises(Invalid):
        DECLARED[Shape.TEXT].check(f"a{character}b")


@given(st.from_regex(HANDLE, fullmatch=True))
def test_a_handle_is_taken_as_it_is(handle: str) -> None:
    if len(handle) > HANDLE_MOST or handle in RESERVED_HANDLES:
        return
    assert DECLARED[Shape.HANDLE].check(handle) == handle


@given(st.integers())
def test_a_number_is_taken_within_its_bounds_alone(number: int) -> None:
    try:
        assert DECLARED[Shape.NUMBER].check(str(number)) == number
    except Invalid as refused:
        assert not 1 <= number <= 65_535
        assert str(refused) == "Port must be from 1 to 65,535."  # noqa: PT017


@pytest.mark.parametrize("number", ["", " ", "1.0", "1e3", "0x10", "one", None, [], 1.5, float("inf"), float("nan")])
def test_what_is_no_whole_number_is_refused(number: Any) -> None:
    with pytest.raises(Invalid, match="whole number"):
        DECLARED[Shape.NUMBER].check(number)


def test_a_secret_keeps_its_spaces() -> None:
    assert DECLARED[Shape.SECRET].check(" v\n") == " v\n"


def test_references_come_once_and_in_order() -> None:
    assert DECLARED[Shape.REFERENCES].check(["b", "a", "b"]) == ["a", "b"]


@pytest.mark.parametrize("nothing", ["", None])
def test_no_reference_is_none(nothing: str | None) -> None:
    assert DECLARED[Shape.REFERENCE].check(nothing) is None


@pytest.mark.parametrize(("label", "sentence"), [("Image", "Enter an image."), ("Name", "Enter a name.")])
def test_what_is_required_is_asked_for(label: str, sentence: str) -> None:
    with pytest.raises(Invalid) as refused:
        Field(label).check("")

    assert str(refused.value) == sentence


@pytest.mark.parametrize("shape", [Shape.TEXT, Shape.LINES, Shape.SECRET])
def test_a_text_that_is_too_long_is_told_by_how_much(shape: Shape) -> None:
    declared = DECLARED[shape]
    with pytest.raises(Invalid, match=f"too long: 1,000 characters, at most {declared.length.characters}"):
        declared.check("x" * 1000)
