"""The cookie of a session: whose it is, for two weeks, as long as nobody has touched it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from itsdangerous import TimestampSigner

from models.organisation import Organisation
from tests.web.conftest import Visitor
from web.application import SESSION_SECONDS

COOKIE = "activity_log_session"


def is_signed_in(visitor: Visitor) -> bool:
    """Whether a page knows who is asking."""
    return visitor.get("/account").status_code == 200


def cookie_of(visitor: Visitor) -> str:
    """What the browser keeps."""
    found = visitor.client.get_cookie(COOKIE)
    assert found
    return found.value


def test_a_cookie_is_good_for_many_pages(owner: Visitor, acme: Organisation) -> None:
    assert is_signed_in(owner)
    assert is_signed_in(owner)


@pytest.mark.parametrize("place", [0, 20, -5])
def test_a_cookie_that_was_changed_is_nobodys_even_after_the_right_one_was_seen(
    owner: Visitor, acme: Organisation, place: int
) -> None:
    assert is_signed_in(owner)
    kept = list(cookie_of(owner))
    kept[place] = "A" if kept[place] != "A" else "B"
    owner.client.set_cookie(COOKIE, "".join(kept))

    assert not is_signed_in(owner)


@pytest.mark.parametrize(("age", "good"), [(-60, False), (SESSION_SECONDS - 60, True), (SESSION_SECONDS + 60, False)])
def test_a_cookie_is_good_for_two_weeks_from_its_signing(
    owner: Visitor, acme: Organisation, monkeypatch: pytest.MonkeyPatch, age: int, good: bool
) -> None:
    assert is_signed_in(owner)
    signed = int((datetime.now(UTC) - timedelta(seconds=age)).timestamp())
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda _: signed)
    owner.client.set_cookie(COOKIE, signed_anew(owner))

    assert is_signed_in(owner) is good


def signed_anew(visitor: Visitor) -> str:
    """The visitor's session, signed now."""
    app: Flask = visitor.client.application
    signer: Any = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]
    return str(signer.dumps(signer.loads(cookie_of(visitor))))


def test_what_a_request_does_to_its_session_reaches_no_other_with_the_same_cookie(
    owner: Visitor, acme: Organisation
) -> None:
    kept = cookie_of(owner)
    owner.post("/account", name="Ada King")
    told = owner.get("/account").text
    owner.client.set_cookie(COOKIE, kept)

    assert "Your name is changed" in told
    assert "Your name is changed" not in owner.get("/account").text
