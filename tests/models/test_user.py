"""Accounts: names, emails, passwords."""

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from models.database import db
from models.errors import EmailTaken, Invalid
from models.people.password import NOBODY, PASSWORD_MOST
from models.people.user import (
    PASSWORD_LEAST,
    User,
    any_user,
    authenticate,
    by_email,
    checked_email,
    checked_name,
    require_nobody_yet,
    sign_up,
)
from models.transaction import transaction
from tests.conftest import PASSWORD
from tests.support.together import together


def join(email: str = "ada@example.com", name: str = "Ada Lovelace", password: str = PASSWORD) -> User:
    """Sign up."""
    with transaction():
        return sign_up(email, name, password)


def test_an_account_signs_in_with_its_email_and_password(app: Flask) -> None:
    ada = join()

    assert authenticate("ada@example.com", PASSWORD) is ada


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("ada@example.com", PASSWORD.upper()),
        ("ada@example.com", ""),
        ("ada@example.com", PASSWORD + " "),
        ("eve@example.com", PASSWORD),
        ("", PASSWORD),
        ("ada\x00@example.com", PASSWORD),
        ("\x00", "\x00"),
    ],
)
def test_a_wrong_email_or_password_signs_nobody_in(app: Flask, email: str, password: str) -> None:
    join()

    assert authenticate(email, password) is None


def test_the_case_of_an_email_does_not_matter(app: Flask) -> None:
    ada = join("Ada@Example.COM")

    assert ada.email == "ada@example.com"
    assert by_email(" ADA@example.com ") is ada
    assert authenticate("aDa@eXample.com", PASSWORD) is ada


def test_an_email_has_one_account_whatever_its_case(app: Flask) -> None:
    join()
    with pytest.raises(EmailTaken):
        join("ADA@example.com", "Other")


def test_two_who_sign_up_with_one_email_at_once_get_one_account(app: Flask) -> None:
    outcomes = together(app, *[lambda: sign_up("ada@example.com", "Ada", PASSWORD)] * 2)

    assert sorted(type(each).__name__ for each in outcomes) == ["EmailTaken", "User"]


def test_of_two_who_sign_up_first_at_once_one_is_the_first(app: Flask) -> None:
    def first(email: str) -> User:
        require_nobody_yet()
        return sign_up(email, "Ada", PASSWORD)

    outcomes = together(app, lambda: first("ada@example.com"), lambda: first("eve@example.com"))

    assert sorted(type(each).__name__ for each in outcomes) == ["Forbidden", "User"]


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ada",
        "ada@",
        "@example.com",
        "a b@example.com",
        "a\x00@example.com",
        "a@b\n.com",
        "e" * 250 + "@example.com",
    ],
)
def test_what_is_no_email_is_refused(email: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked_email(email)

    assert refused.value.field == "email"


def test_domains_of_ones_own_network_are_fine() -> None:
    assert checked_email("ops@acme.test") == "ops@acme.test"


SYSTEM = [
    "system",
    "System",
    "SYSTEM",
    "sYsTeM",
    " system ",
    "ｓｙｓｔｅｍ",
    "ＳＹＳＴＥＭ",
    "sys\u200btem",
    "system\u200d",
    "\u2060system",
    "sys\u00adtem",
    "ſystem",
    "𝐬𝐲𝐬𝐭𝐞𝐦",
    "system\ufe0f",
]


@pytest.mark.parametrize("name", SYSTEM)
def test_nobody_is_called_what_the_log_calls_the_platform(app: Flask, name: str) -> None:
    with pytest.raises(Invalid) as refused:
        join(name=name)

    assert refused.value.field == "name"


@pytest.mark.parametrize("name", SYSTEM)
def test_nobody_renames_themselves_to_it(name: str) -> None:
    with pytest.raises(Invalid, match="system"):
        User(name="Ada").rename(name)


@pytest.mark.parametrize("name", ["Systema", "The system", "Sys Tem", "محمد\u200cرضا", "👩\u200d💻"])
def test_names_that_merely_resemble_it_are_fine(name: str) -> None:
    assert checked_name(name) == name


@given(st.lists(st.booleans(), min_size=6, max_size=6), st.text(" \t", max_size=3))
def test_no_mixture_of_cases_gets_through(upper: list[bool], space: str) -> None:
    letters = [each.upper() if up else each for each, up in zip("system", upper, strict=True)]
    with pytest.raises(Invalid):
        checked_name(space + "".join(letters) + space)


@pytest.mark.parametrize("name", ["", " ", "n" * 78, "a\x00b", "a\nb", "a\u202eb", "\u200b", "\u200b\u2060 \u00ad"])
def test_a_bad_name_is_refused(name: str) -> None:
    with pytest.raises(Invalid):
        checked_name(name)


def test_spaces_in_a_name_are_tidied(app: Flask) -> None:
    assert join(name="  Ada   Lovelace ").name == "Ada Lovelace"


@given(st.text(max_size=100))
def test_a_name_that_is_taken_fits_and_is_taken_again(name: str) -> None:
    try:
        taken = checked_name(name)
    except Invalid:
        return
    assert 0 < len(taken) <= 77
    assert checked_name(taken) == taken


@pytest.mark.parametrize(("length", "fine"), [(PASSWORD_LEAST - 1, False), (PASSWORD_LEAST, True)])
def test_a_password_has_a_least_length(app: Flask, length: int, fine: bool) -> None:
    assert signs_up(length) is fine


@pytest.mark.parametrize(("length", "fine"), [(PASSWORD_MOST, True), (PASSWORD_MOST + 1, False)])
def test_a_password_has_a_greatest_length(app: Flask, length: int, fine: bool) -> None:
    assert signs_up(length) is fine


def signs_up(length: int) -> bool:
    """Whether a password of so many characters is taken."""
    try:
        join(password="é" * length)
    except Invalid:
        return False
    return authenticate("ada@example.com", "é" * length) is not None


def test_a_password_is_stored_as_argon2id_and_nothing_else(app: Flask) -> None:
    ada = join()

    assert ada.password_hash.startswith("$argon2id$")
    assert PASSWORD not in ada.password_hash


def test_changing_the_password_asks_for_the_present_one(app: Flask) -> None:
    ada = join()
    with pytest.raises(Invalid) as refused, transaction():
        ada.change_password("wrong", "another good password")

    assert refused.value.field == "current"
    assert ada.has_password(PASSWORD)


@pytest.mark.parametrize("new", ["", "short", "x" * 257])
def test_the_new_password_has_the_same_bounds(app: Flask, new: str) -> None:
    ada = join()
    with pytest.raises(Invalid) as refused, transaction():
        ada.change_password(PASSWORD, new)

    assert refused.value.field == "new"


def test_changing_the_password_ends_every_session(app: Flask) -> None:
    ada = join()
    with transaction():
        ada.change_password(PASSWORD, "another good password")

    assert ada.session_epoch == 2
    assert authenticate("ada@example.com", PASSWORD) is None
    assert authenticate("ada@example.com", "another good password") is ada


def test_a_damaged_hash_lets_nobody_in(app: Flask) -> None:
    ada = join()
    with transaction():
        ada.password_hash = "damaged"

    assert authenticate("ada@example.com", PASSWORD) is None


def test_the_platform_knows_whether_anyone_is_there_yet(app: Flask) -> None:
    assert not any_user()
    join()
    assert any_user()


def test_the_hash_that_stands_for_nobody_opens_to_nothing() -> None:
    nobody = User(password_hash=NOBODY)

    assert not nobody.has_password("")
    assert not nobody.has_password(PASSWORD)


def test_a_refused_account_leaves_nothing(app: Flask) -> None:
    with pytest.raises(Invalid):
        join(password="short")
    db.session.rollback()

    assert not any_user()
