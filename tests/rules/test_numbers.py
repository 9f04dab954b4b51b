"""Whatever is a number is read by one reader of digits, wherever it is typed or addressed."""

from collections.abc import Callable

import pytest
from flask import Flask
from werkzeug.exceptions import NotFound

from models.errors import Invalid
from models.field import Field, Shape
from tests.rules.test_verbs import CLASSES
from tests.web.conftest import Visitor, visit
from web.addresses import LARGEST

__all__ = ["visit"]

# What `int` would take for 8, 80 or 10.
ODD = ["8_0", "+80", " 80\n0", "８０", "٨٠", "८०", "8 0", "80.0", "8e1", "0x50", "²", "1,0"]
NUMBERS = [
    (f"{name}.{field}", declared)
    for name, cls in sorted(CLASSES.items())
    for field, declared in cls.fields().items()
    if declared.shape in (Shape.NUMBER, Shape.CHOICE)
]


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("declared", [each for _, each in NUMBERS], ids=[name for name, _ in NUMBERS])
def test_a_field_that_is_a_number_takes_digits_alone(declared: Field, odd: str) -> None:
    with pytest.raises(Invalid):
        declared.check(odd)


@pytest.mark.parametrize("odd", ODD)
def test_an_address_with_a_number_has_it_in_digits(app: Flask, odd: str) -> None:
    numbers = [rule for rule in app.url_map.iter_rules() if "<int:" in rule.rule]
    assert len(numbers) >= 10
    adapter = app.url_map.bind("localhost")
    for rule in numbers:
        parts = [odd if "<int:" in each else "a" if "<" in each else each for each in rule.rule.split("/")]
        method = "GET" if "GET" in (rule.methods or ()) else "POST"
        try:
            found, _ = adapter.match("/".join(parts), method=method)
        except NotFound:
            continue
        assert found != rule.endpoint, rule


def test_a_number_larger_than_any_row_has_is_no_address(visit: Callable[[str], Visitor], acme: object) -> None:
    visitor = visit("ada")

    assert visitor.get(f"/orgs/acme/activity/{LARGEST}").status_code == 404
    assert visitor.get(f"/orgs/acme/activity/{LARGEST + 1}").status_code == 404
    assert visitor.get("/orgs/acme/activity/1").status_code == 200
