"""Attempts to sign in: who guesses waits, whoever has the account does not."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from flask import Flask

from models.errors import TooManyAttempts
from models.people import password
from models.people.user import User
from tests.conftest import PASSWORD
from tests.web.conftest import Visitor
from web.limits import OF_ONE, OF_STRANGERS, Count, Limits, network

STRANGER, OWNER = {"REMOTE_ADDR": "203.0.113.9"}, {"REMOTE_ADDR": "198.51.100.7"}


def try_to_sign_in(visitor: Visitor, place: dict[str, str], secret: str) -> int:
    """Send the form from an address."""
    if not visitor.token:
        visitor.post("/login", email="", password="")
    form = {"csrf_token": visitor.token, "email": "ada@example.com", "password": secret}
    return visitor.ask("POST", "/login", data=form, environ_base=place).status_code


def test_who_guesses_waits_longer_and_longer(app: Flask, people: dict[str, User]) -> None:
    visitor = Visitor(app.test_client())
    answers = [try_to_sign_in(visitor, STRANGER, "wrong") for _ in range(7)]

    assert answers == [422] * 6 + [429]
    assert [OF_ONE.wait(attempt) for attempt in (5, 6, 7, 8, 9, 99)] == [0, 2, 4, 8, 16, OF_ONE.wait_most]


def test_the_answer_says_how_long_to_wait(app: Flask, people: dict[str, User]) -> None:
    visitor = Visitor(app.test_client())
    for _ in range(6):
        try_to_sign_in(visitor, OWNER, "wrong")
    form = {"csrf_token": visitor.token, "email": "ada@example.com", "password": PASSWORD}
    answer = visitor.ask("POST", "/login", data=form, environ_base=OWNER)

    seconds = int(answer.headers["Retry-After"])
    assert (answer.status_code, seconds in (1, 2)) == (429, True)
    assert f"Wait {seconds} second" in answer.text


def test_ten_wrong_passwords_of_a_stranger_do_not_lock_the_owner_out(app: Flask, people: dict[str, User]) -> None:
    stranger = Visitor(app.test_client())
    for _ in range(10):
        try_to_sign_in(stranger, STRANGER, "wrong")

    assert try_to_sign_in(Visitor(app.test_client()), OWNER, PASSWORD) == 302


def test_a_browser_that_signed_in_before_has_attempts_of_its_own_at_the_strangers_address(
    app: Flask, people: dict[str, User]
) -> None:
    owner = Visitor(app.test_client())
    assert try_to_sign_in(owner, OWNER, PASSWORD) == 302
    owner.token = ""
    owner.client.delete_cookie("activity_log_session")
    stranger = Visitor(app.test_client())
    for _ in range(10):
        try_to_sign_in(stranger, STRANGER, "wrong")

    assert try_to_sign_in(stranger, STRANGER, PASSWORD) == 429
    assert try_to_sign_in(owner, STRANGER, PASSWORD) == 302


def test_guesses_from_many_addresses_wait_while_a_known_address_does_not(app: Flask, people: dict[str, User]) -> None:
    assert try_to_sign_in(Visitor(app.test_client()), OWNER, PASSWORD) == 302
    stranger = Visitor(app.test_client())
    answers = [
        try_to_sign_in(stranger, {"REMOTE_ADDR": f"203.0.113.{each}"}, "wrong") for each in range(OF_STRANGERS.free + 3)
    ]

    assert answers[: OF_STRANGERS.free] == [422] * OF_STRANGERS.free
    assert 429 in answers[OF_STRANGERS.free :]
    assert try_to_sign_in(Visitor(app.test_client()), OWNER, PASSWORD) == 302


def test_a_made_up_cookie_makes_no_browser_known(app: Flask, people: dict[str, User]) -> None:
    visitor = Visitor(app.test_client())
    for cookie in ("made.up.entirely", "x" * 5000, "\x00"):
        visitor.client.set_cookie("activity_log_device", cookie, path="/login")
        for _ in range(7):
            last = try_to_sign_in(visitor, STRANGER, "wrong")
        assert last == 429


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
        ("2001:db8:1:3::1", "2001:db8:1:3::"),
        (None, "unknown"),
        ("unix:", "unknown"),
    ],
)
def test_an_ipv6_address_is_counted_with_its_network(address: str | None, counted: str) -> None:
    assert network(address) == counted


def test_of_attempts_at_one_moment_one_gets_through_once_a_wait_is_due(settings: object) -> None:
    limits = Limits("redis://127.0.0.1:1/0")  # nobody there: each process counts in its memory
    count = Count("together", OF_ONE)
    for _ in range(OF_ONE.free):
        limits.attempt([count])

    def passes(_: int) -> bool:
        try:
            limits.attempt([count])
        except TooManyAttempts:
            return False
        return True

    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(passes, range(16))) == 1


def test_hashing_leaves_threads_for_pages() -> None:
    begun, done = Event(), Event()

    def slow() -> None:
        with password.turn():
            begun.set()
            done.wait(10)

    def waiting() -> bool:
        try:
            password.verified(password.NOBODY, "x")
        except TooManyAttempts:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        first = threads.submit(slow)
        assert begun.wait(10)
        others = [threads.submit(waiting) for _ in range(7)]
        while sum(each.done() for each in others) < 5:
            assert not done.wait(0.01)
        refused = [each for each in others if each.done()]
        done.set()
        first.result()

        assert [each.result() for each in refused] == [False] * 5
        assert [each.result() for each in others if each not in refused] == [True] * 2
