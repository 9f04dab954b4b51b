"""A text is measured before anything is done with it: refusing a longer one takes no more work."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

from models.errors import DomainError
from models.field import Field
from models.length import Length
from models.log.personal import Cursor
from models.log.query import parse
from models.numbers import whole_number
from models.people.user import EMAIL_MOST, by_email, checked_email, checked_name
from tests.rules.test_verbs import CLASSES

MARKS = "\u0301\u0323"
DOORS: dict[str, Callable[[str], Any]] = {
    "an email": checked_email,
    "a name": checked_name,
    "a cursor": Cursor.parse,
    "a number": whole_number,
    "a query": parse,
    "who has an email": by_email,
    **{
        f"{cls}.{name}": declared.check
        for cls, tracked in sorted(CLASSES.items())
        for name, declared in tracked.fields().items()
        if not isinstance(declared.default, list)
    },
}


def calls(door: Callable[[str], Any], text: str) -> int:
    """How many calls refusing a text takes, those of C included."""
    count = 0

    def on(*_: Any) -> None:
        nonlocal count
        count += 1

    sys.setprofile(on)
    try:
        door(text)
    except (DomainError, ValueError):
        pass
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("name", DOORS)
@pytest.mark.parametrize("text", ["x", MARKS, "\U0001f600", "A=1\n"], ids=["letters", "marks", "emoji", "lines"])
def test_refusing_a_longer_text_takes_no_more_work(name: str, text: str) -> None:
    door = DOORS[name]
    calls(door, text * 40_000)

    assert calls(door, text * 160_000) == calls(door, text * 40_000) < 100


def test_a_text_may_be_as_long_as_is_allowed_and_no_longer() -> None:
    three = Length(3)

    assert three.complaint("It", "abc") is None
    assert three.complaint("It", "a\r\nb") is None, "a line break is one key"
    assert three.complaint("It", "abcd") == "It is too long: 4 characters, at most 3 are allowed."
    assert Length(3, 4).complaint("It", "éé") is None
    assert Length(3, 4).complaint("It", "ééé") == "It is too long: 6 bytes, at most 4 are allowed."


def test_an_email_is_measured_in_bytes_too() -> None:
    with pytest.raises(DomainError, match="bytes, at most 254"):
        checked_email(f"{'ü' * (EMAIL_MOST // 2)}@example.com")


def test_half_a_character_is_measured_and_not_an_error() -> None:
    assert Length(5, 5).complaint("It", "\ud800") is None
    assert Field("Name", most=5).length == Length(5, None)
