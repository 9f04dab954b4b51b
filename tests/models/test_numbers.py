"""Digits are read in one way, wherever they come from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.numbers import DIGITS_MOST, whole_number


@given(st.integers(0, 10**DIGITS_MOST - 1))
def test_what_digits_write_is_read(number: int) -> None:
    assert whole_number(str(number)) == number


@pytest.mark.parametrize(
    "written", ["", " ", "-1", "+1", " 1", "1\n", "1_000", "1,000", "1.0", "1e3", "٤٢", "४२", "²", "0x1"]
)
def test_what_is_not_digits_alone_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="not a whole number"):
        whole_number(written)


def test_more_digits_than_any_number_has_are_refused_unread() -> None:
    with pytest.raises(ValueError, match="not a whole number"):
        whole_number("1" * (DIGITS_MOST + 1))


@given(st.text())
def test_whatever_is_written_is_a_number_or_refused(written: str) -> None:
    try:
        assert whole_number(written) >= 0
    except ValueError:
        return


def test_a_bound_is_still_allowed_and_one_more_is_not() -> None:
    assert whole_number("99", most=99) == 99
    with pytest.raises(ValueError, match="more than 99"):
        whole_number("100", most=99)
