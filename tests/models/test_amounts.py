"""Cents as people read and write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.billing.amounts import is_plain, parsed, shown
from models.errors import Invalid

MOST = 100_000_000


@pytest.mark.parametrize(
    ("cents", "text"),
    [
        (0, "€0.00"),
        (5, "€0.05"),
        (100, "€1.00"),
        (1_234_550, "€12,345.50"),
        (-5, "-€0.05"),
        (-123_456, "-€1,234.56"),
    ],
)
def test_cents_are_shown_as_euros(cents: int, text: str) -> None:
    assert shown(cents) == text


@pytest.mark.parametrize(
    ("typed", "cents"),
    [
        ("25", 2500),
        ("25.00", 2500),
        ("25,00", 2500),
        ("25,5", 2550),
        ("25.5", 2550),
        (" €25.00 ", 2500),
        ("€ 25", 2500),
        ("1,234.50", 123_450),
        ("1,234", 123_400),
        ("12,345,678", 1_234_567_800),
        ("1.000,00", 100_000),
        ("1.234,5", 123_450),
        ("1.234.567", 123_456_700),
        ("25.", 2500),
        ("0.01", 1),
        (".5", 50),
    ],
)
def test_what_people_type_is_understood(typed: str, cents: int) -> None:
    assert parsed(typed, "amount", 0, 10**10) == cents


@pytest.mark.parametrize(
    "typed",
    [
        *(
            "",
            " ",
            "€",
            "ten",
            "1.005",
            "0.001",
            "1e-3",
            "-1",
            "NaN",
            "Infinity",
            "sNaN",
            "1.2.3",
            "1 2",
            ".",
            "+5",
            "٣",
        ),
        *("1.000", "25.000", "1,23,456", "1,234.567", "1.234,567", "1,000.000,00", "12345,678", "1_000", "1" * 100_000),
    ],
)
def test_what_is_no_amount_is_refused_beside_its_field(typed: str) -> None:
    with pytest.raises(Invalid) as refused:
        parsed(typed, "amount", 0, MOST)

    assert refused.value.field == "amount"


@pytest.mark.parametrize("typed", ["0.99", "10000.01", "99999999999999999999999999999999", "1e999999"])
def test_an_amount_out_of_bounds_is_refused_and_the_bounds_are_named(typed: str) -> None:
    with pytest.raises(Invalid, match=r"from €1\.00 to €10,000\.00"):
        parsed(typed, "amount", 100, 1_000_000)


@pytest.mark.parametrize(("typed", "cents"), [("1", 100), ("10,000", 1_000_000)])
def test_the_bounds_themselves_are_fine(typed: str, cents: int) -> None:
    assert parsed(typed, "amount", 100, 1_000_000) == cents


@given(st.integers(0, MOST))
def test_what_is_shown_is_read_back_as_the_same_cents(cents: int) -> None:
    assert parsed(shown(cents), "amount", 0, MOST) == cents


@given(st.text(max_size=30))
def test_whatever_is_typed_is_cents_within_bounds_or_refused(typed: str) -> None:
    try:
        cents = parsed(typed, "amount", 100, 1000)
    except Invalid:
        return
    assert type(cents) is int
    assert 100 <= cents <= 1000


@pytest.mark.parametrize(
    ("typed", "plain"), [("25", True), ("25,50", True), ("€25", True), ("1,000", False), ("1.000,00", False)]
)
def test_a_grouped_amount_is_not_a_plain_one(typed: str, plain: bool) -> None:
    assert is_plain(typed) == plain
