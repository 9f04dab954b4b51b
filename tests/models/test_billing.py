"""The balance: topped up in whole cents, a ledger that adds up, and when it fills itself."""

from uuid import uuid4

import psycopg
import pytest
from flask import Flask

from models.billing.account import BALANCE_ID, account_of
from models.billing.cards import default_method, find_method, payment_methods
from models.billing.ledger import below_which, lines, movements
from models.billing.payment import top_up
from models.database import db
from models.errors import AlreadyDone, AlreadyEnded, Invalid, NotFound, StaleVersion
from models.log.actor import Actor
from models.organisation import Organisation
from models.transaction import transaction
from tests.support.log import entries, latest_entry, summaries
from tests.support.money import add_card, balance, pay
from tests.support.together import meanwhile, together

# Top-ups


def test_a_top_up_is_an_entry_with_the_balance_before_and_after(acme: Organisation, ada: Actor) -> None:
    card = add_card(acme, ada)
    pay(acme, ada, 2550, card)

    entry = latest_entry(acme)
    assert (entry.action, entry.resource_type, entry.resource_id) == ("update", "billing", BALANCE_ID)
    assert entry.summary == "Balance topped up by €25.50 with Visa ending 4242"
    assert entry.changes == {"balance_cents": [0, 2550]}


def test_the_ledger_adds_up_to_the_balance(acme: Organisation, ada: Actor) -> None:
    card = add_card(acme, ada)
    for cents in (100, 333, 1_000_000):
        pay(acme, ada, cents, card)

    rows = movements(acme.id)
    assert [each.amount_cents for each in rows] == [1_000_000, 333, 100]
    assert [each.balance_after_cents for each in rows] == [1_000_433, 433, 100]
    assert balance(acme) == sum(each.amount_cents for each in rows)


def test_a_ledger_row_says_who_paid_with_what(acme: Organisation, ada: Actor) -> None:
    pay(acme, ada, 100, add_card(acme, ada))

    [row] = movements(acme.id)
    assert (row.kind, row.description) == ("top_up", "Top-up with Visa ending 4242 by Ada Lovelace")


def test_a_ledger_row_and_the_entry_that_tells_of_it_lead_to_each_other(acme: Organisation, ada: Actor) -> None:
    card = add_card(acme, ada)
    for cents in (100, 200, 300):
        pay(acme, ada, cents, card)
    numbers = [each.entry_number for each in movements(acme.id)]
    tops = [each.number for each in reversed(entries(acme)) if each.summary.startswith("Balance topped up")]
    assert numbers == tops

    for number in tops:
        begins, _ = lines(acme.id, below_which(acme.id, number) or 0)
        assert begins[0].entry_number == number
    assert below_which(acme.id, tops[-1] - 1) is None, "the entry of the card is no movement"


def test_the_longest_names_fit_into_the_ledger(acme: Organisation, ada: Actor) -> None:
    card = add_card(acme, ada, brand="American Express")
    pay(acme, Actor(ada.id, "n" * 77, ada.role, ada.door), 1_000_000, card)

    assert "n" * 77 in movements(acme.id)[0].description


def test_the_ledger_comes_newest_first_from_below_an_id(acme: Organisation, ada: Actor) -> None:
    card = add_card(acme, ada)
    for cents in (100, 200, 300):
        pay(acme, ada, cents, card)

    first, second, _ = movements(acme.id)
    assert movements(acme.id, before=first.id, size=1) == [second]


def test_money_is_stored_as_whole_numbers(acme: Organisation, superuser: psycopg.Connection) -> None:
    columns = superuser.execute("""
        SELECT attname, atttypid::regtype::text FROM pg_attribute
         WHERE attrelid IN ('billing_accounts'::regclass, 'ledger'::regclass) AND attname LIKE '%cents'
    """).fetchall()

    assert len(columns) == 6
    assert {type for _, type in columns} <= {"bigint", "integer"}


@pytest.mark.parametrize("cents", [-100, 0, 99, 1_000_001])
def test_an_amount_out_of_bounds_is_refused(acme: Organisation, ada: Actor, cents: int) -> None:
    card = add_card(acme, ada)
    with pytest.raises(Invalid) as refused:
        pay(acme, ada, cents, card)

    assert refused.value.field == "amount"
    assert balance(acme) == 0


def test_a_double_click_counts_once(acme: Organisation, ada: Actor) -> None:
    card, request_id = add_card(acme, ada), uuid4()
    pay(acme, ada, 500, card, request_id)
    with pytest.raises(AlreadyDone):
        pay(acme, ada, 500, card, request_id)

    assert balance(acme) == 500
    assert len(movements(acme.id)) == 1
    assert len(entries(acme)) == 6


def test_a_double_click_from_two_threads_counts_once(app: Flask, acme: Organisation, ada: Actor) -> None:
    card, request_id = add_card(acme, ada).id, uuid4()

    def click() -> None:
        top_up(acme.id, ada, 500, card, request_id)

    outcomes = together(app, click, click, click)

    assert [type(each).__name__ for each in outcomes].count("AlreadyDone") == 2
    assert balance(acme) == 500
    assert len(entries(acme)) == 6


def test_top_ups_at_the_same_moment_all_count(app: Flask, acme: Organisation, ada: Actor) -> None:
    card = add_card(acme, ada).id

    def click() -> None:
        top_up(acme.id, ada, 500, card, uuid4())

    together(app, *[click] * 6)

    assert balance(acme) == 3000
    assert sorted(each.balance_after_cents for each in movements(acme.id)) == [
        500,
        1000,
        1500,
        2000,
        2500,
        3000,
    ]
    assert [each.changes["balance_cents"][1] for each in entries(acme)[5:]] == [500, 1000, 1500, 2000, 2500, 3000]


def test_a_top_up_adds_to_the_balance_of_now_and_not_to_one_seen_before(
    app: Flask, acme: Organisation, ada: Actor
) -> None:
    card = add_card(acme, ada)
    seen = account_of(acme.id)
    [other] = together(app, lambda: top_up(acme.id, ada, 500, card.id, uuid4()) and None)
    pay(acme, ada, 700, card)

    assert other is None
    assert seen.balance_cents == 1200


def test_a_removed_card_pays_nothing(acme: Organisation, ada: Actor) -> None:
    card = add_card(acme, ada)
    with transaction():
        card.remove(ada)
    with pytest.raises(AlreadyEnded):
        pay(acme, ada, 500, card)

    assert balance(acme) == 0


def test_a_card_that_is_being_removed_pays_nothing(
    app: Flask, acme: Organisation, ada: Actor, superuser: psycopg.Connection
) -> None:
    card = add_card(acme, ada)

    def look_and_pay() -> None:
        seen = payment_methods(acme.id)  # as the page does, before it acts
        top_up(acme.id, ada, 500, seen[0].id, uuid4())

    with transaction():
        card.remove(ada)
        db.session.flush()
        second = meanwhile(app, superuser, look_and_pay)

    assert isinstance(second.outcome, AlreadyEnded)


def test_an_expired_card_pays_nothing(acme: Organisation, ada: Actor, superuser: psycopg.Connection) -> None:
    card = add_card(acme, ada)
    superuser.execute("UPDATE payment_methods SET expiry_year = 2020")
    db.session.rollback()
    with pytest.raises(Invalid, match="expired"):
        pay(acme, ada, 500, card)

    assert balance(acme) == 0


def test_another_organisations_card_is_not_found(acme: Organisation, ada: Actor) -> None:
    card = add_card(acme, ada)
    with pytest.raises(NotFound):
        find_method(acme.id + 1, card.id)


def test_money_moves_while_it_is_suspended_and_not_once_it_is_being_deleted(
    acme: Organisation, ada: Actor, superuser: psycopg.Connection
) -> None:
    card = add_card(acme, ada)
    superuser.execute("UPDATE organisations SET state = 'suspended'")
    pay(acme, ada, 500, card)
    superuser.execute("UPDATE organisations SET state = 'deleting'")
    with pytest.raises(NotFound):
        pay(acme, ada, 500, card)
    with pytest.raises(NotFound):
        add_card(acme, ada)

    assert balance(acme) == 500


# Automatic top-up


def automatic(acme: Organisation, actor: Actor, enabled: bool, threshold: int = 1000, amount: int = 5000) -> None:
    """Set it."""
    with transaction():
        account_of(acme.id).set_auto_top_up(actor, enabled, threshold, amount)


def test_automatic_top_up_asks_for_a_card(acme: Organisation, ada: Actor) -> None:
    with pytest.raises(Invalid) as refused:
        automatic(acme, ada, True)

    assert refused.value.field == "enabled"
    assert not account_of(acme.id).auto_top_up


@pytest.mark.parametrize(
    ("enabled", "amount", "what"),
    [(True, 5000, "turned on"), (False, 6000, "settings changed")],
)
def test_automatic_top_up_says_what_changed(
    acme: Organisation, ada: Actor, enabled: bool, amount: int, what: str
) -> None:
    add_card(acme, ada)
    automatic(acme, ada, enabled, amount=amount)

    assert latest_entry(acme).summary == f"Balance: automatic top-up {what}"


def test_turning_automatic_top_up_off_says_so(acme: Organisation, ada: Actor) -> None:
    add_card(acme, ada)
    automatic(acme, ada, True)
    automatic(acme, ada, False)

    assert latest_entry(acme).changes == {"auto_top_up": [True, False]}
    assert summaries(acme)[-1] == "Balance: automatic top-up turned off"


def test_the_same_settings_again_write_nothing(acme: Organisation, ada: Actor) -> None:
    automatic(acme, ada, False)

    assert len(entries(acme)) == 4


@pytest.mark.parametrize(
    ("threshold", "amount", "field"),
    [(-1, 5000, "threshold"), (1_000_001, 5000, "threshold"), (0, 99, "amount"), (0, 1_000_001, "amount")],
)
def test_automatic_top_up_out_of_bounds_is_refused(
    acme: Organisation, ada: Actor, threshold: int, amount: int, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        automatic(acme, ada, False, threshold, amount)

    assert refused.value.field == field


def test_the_only_card_of_automatic_top_ups_stays(acme: Organisation, ada: Actor) -> None:
    card = add_card(acme, ada)
    automatic(acme, ada, True)
    with pytest.raises(Invalid, match="Automatic top-up"), transaction():
        card.remove(ada)

    assert default_method(acme.id) is card


def test_automatic_top_up_is_not_turned_on_with_a_card_that_is_being_removed(
    app: Flask, acme: Organisation, ada: Actor, superuser: psycopg.Connection
) -> None:
    card = add_card(acme, ada)

    def look_and_turn_on() -> None:
        seen = payment_methods(acme.id)  # as the page does, before it acts
        account_of(acme.id).set_auto_top_up(ada, bool(seen), 1000, 5000)

    with transaction():
        card.remove(ada)
        db.session.flush()
        second = meanwhile(app, superuser, look_and_turn_on)

    assert isinstance(second.outcome, Invalid)


def test_of_two_settings_at_once_one_is_stale(
    app: Flask, acme: Organisation, ada: Actor, superuser: psycopg.Connection
) -> None:
    with transaction():
        account_of(acme.id).set_auto_top_up(ada, False, 1, 5000)
        db.session.flush()
        second = meanwhile(app, superuser, lambda: account_of(acme.id).set_auto_top_up(ada, False, 1000, 7000))

    assert isinstance(second.outcome, StaleVersion)
    assert len(entries(acme)) == 5
