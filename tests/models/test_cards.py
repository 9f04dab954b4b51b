"""Cards: what is kept of one, when it is good, and the default among several."""

from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask

from models.billing.cards import add_payment_method, default_method, find_method, payment_methods
from models.errors import AlreadyEnded, Invalid
from models.log.actor import Actor
from models.organisation import Organisation
from models.transaction import transaction
from tests.support.log import entries, latest_entry
from tests.support.money import CARD, add_card, balance, pay
from tests.support.together import together


def test_adding_a_card_is_an_entry_with_what_is_kept_of_it(acme: Organisation, ada: Actor) -> None:
    card = add_card(acme, ada)

    entry = latest_entry(acme)
    assert (entry.action, entry.resource_type, entry.resource_id) == ("create", "billing", card.id)
    assert entry.summary == "Payment method Visa ending 4242 added"
    assert entry.changes == {name: [None, value] for name, value in CARD.items()}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"brand": "Monopoly"}, "brand"),
        ({"brand": ""}, "brand"),
        ({"last_four": "4242424242424242"}, "last_four"),
        ({"last_four": "424"}, "last_four"),
        ({"last_four": "٤٢٤٢"}, "last_four"),
        ({"last_four": ""}, "last_four"),
        ({"expiry_month": 0}, "expiry_month"),
        ({"expiry_month": 13}, "expiry_month"),
        ({"expiry_month": "May"}, "expiry_month"),
        ({"expiry_year": 1999}, "expiry_year"),
        ({"expiry_year": 2101}, "expiry_year"),
        ({"expiry_year": 2020}, "expiry_month"),
    ],
)
def test_a_card_out_of_bounds_is_refused(acme: Organisation, ada: Actor, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        add_card(acme, ada, **wrong)

    assert refused.value.field == field
    assert len(entries(acme)) == 4


def test_a_card_is_good_until_the_end_of_its_month(acme: Organisation, ada: Actor) -> None:
    now = datetime.now(UTC)
    card = add_card(acme, ada, expiry_month=now.month, expiry_year=now.year)
    pay(acme, ada, 500, card)

    assert balance(acme) == 500


def test_a_renewed_card_says_old_and_new_expiry(acme: Organisation, ada: Actor) -> None:
    card = add_card(acme, ada)
    with transaction():
        card.change_expiry(ada, expiry_month="1", expiry_year="2100")

    entry = latest_entry(acme)
    assert entry.summary == "Payment method Visa ending 4242 updated"
    assert entry.changes == {"expiry_month": [12, 1], "expiry_year": [2099, 2100]}


def test_the_same_expiry_again_writes_nothing(acme: Organisation, ada: Actor) -> None:
    card = add_card(acme, ada)
    with transaction():
        card.change_expiry(ada, expiry_month=12, expiry_year=2099)

    assert len(entries(acme)) == 5


def test_an_expiry_in_the_past_is_refused(acme: Organisation, ada: Actor) -> None:
    card = add_card(acme, ada)
    with pytest.raises(Invalid, match="expired"), transaction():
        card.change_expiry(ada, expiry_month=1, expiry_year=2020)

    assert card.expiry_year == 2099


def test_the_first_card_is_the_default(acme: Organisation, ada: Actor) -> None:
    first, second = add_card(acme, ada), add_card(acme, ada, brand="Mastercard")

    assert default_method(acme.id) is first
    assert not second.is_default


def test_two_first_cards_at_once_make_one_default(app: Flask, acme: Organisation, ada: Actor) -> None:
    def add() -> None:
        add_payment_method(acme.id, ada, **CARD)

    outcomes = together(app, add, add)

    assert outcomes == [None, None]
    assert [each.is_default for each in payment_methods(acme.id)] == [True, False]


def test_the_default_moves_and_the_entry_says_from_where(acme: Organisation, ada: Actor) -> None:
    first, second = add_card(acme, ada), add_card(acme, ada, brand="Mastercard")
    with transaction():
        second.make_default(ada)

    entry = latest_entry(acme)
    assert (first.is_default, second.is_default) == (False, True)
    assert entry.summary == "Payment method Mastercard ending 4242 made the default"
    assert entry.changes == {"default": ["Visa ending 4242", "Mastercard ending 4242"]}


def test_the_default_made_default_again_writes_nothing(acme: Organisation, ada: Actor) -> None:
    first = add_card(acme, ada)
    with transaction():
        first.make_default(ada)

    assert len(entries(acme)) == 5


def test_two_defaults_at_once_leave_one(app: Flask, acme: Organisation, ada: Actor) -> None:
    add_card(acme, ada)
    second, third = add_card(acme, ada).id, add_card(acme, ada).id
    outcomes = together(
        app,
        lambda: find_method(acme.id, second).make_default(ada),
        lambda: find_method(acme.id, third).make_default(ada),
    )

    assert outcomes == [None, None]
    assert [each.is_default for each in payment_methods(acme.id)] == [True, False, False]


def test_removing_the_default_moves_it_to_the_newest_and_says_because_of_what(acme: Organisation, ada: Actor) -> None:
    first, _, third = add_card(acme, ada), add_card(acme, ada, brand="JCB"), add_card(acme, ada, brand="Maestro")
    with transaction():
        first.remove(ada)

    removal, move = entries(acme)[-2:]
    assert default_method(acme.id) is third
    assert (removal.action, removal.summary) == ("delete", "Payment method Visa ending 4242 removed")
    assert move.summary == "Payment method Maestro ending 4242 made the default"
    assert move.cause_number == removal.number


def test_removing_another_card_leaves_the_default(acme: Organisation, ada: Actor) -> None:
    first, second = add_card(acme, ada), add_card(acme, ada)
    with transaction():
        second.remove(ada)

    assert default_method(acme.id) is first
    assert len(entries(acme)) == 7


def test_a_card_is_removed_once(acme: Organisation, ada: Actor) -> None:
    card = add_card(acme, ada)
    with transaction():
        card.remove(ada)
    with pytest.raises(AlreadyEnded), transaction():
        card.remove(ada)
    with pytest.raises(AlreadyEnded), transaction():
        card.make_default(ada)
    with pytest.raises(AlreadyEnded), transaction():
        card.change_expiry(ada, expiry_month=1, expiry_year=2100)

    assert len(entries(acme)) == 6


def test_two_who_remove_a_card_at_once_leave_one_entry(app: Flask, acme: Organisation, ada: Actor) -> None:
    card = add_card(acme, ada).id
    outcomes = together(
        app, lambda: find_method(acme.id, card).remove(ada), lambda: find_method(acme.id, card).remove(ada)
    )

    assert sorted(type(each).__name__ for each in outcomes) == ["AlreadyEnded", "NoneType"]
    assert len(entries(acme)) == 6
