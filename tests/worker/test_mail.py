"""Mail, received by a real mail server of the test's own."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from flask import Flask

from models.database import db
from models.errors import NotFound
from models.jobs.delivery import MAILS, MailKey, post
from models.organisation import Organisation
from models.people.account_link import Purpose, look_at_link, make_link, reset_password
from models.people.invitation import invitations
from models.people.user import User, authenticate, by_email
from models.sealed import KEYRING
from models.settings import Settings
from models.system import rotation
from models.transaction import transaction
from tests.conftest import PASSWORD
from tests.support.mailbox import Box, path_in
from tests.web.conftest import Visitor, owner, signed_in, visit
from tests.worker.conftest import received
from web.application import create_app
from worker import mail

__all__ = ["owner", "visit"]
NEW_PASSWORD = "another long password"


def test_an_invitation_goes_out_by_mail_and_its_link_is_shown_to_nobody(
    visitor: Visitor, acme: Organisation, work: Callable[[], None], box: Box, people: dict[str, User]
) -> None:
    signed_in(visitor, "ada").post("/orgs/acme/members", email="mallory@example.com", role="viewer")
    shown = visitor.get("/orgs/acme/members").text
    work()

    [found] = box.mails
    assert (found["To"], found["From"]) == ("mallory@example.com", "log@example.com")
    assert found["Subject"] == "Ada Lovelace invites you to join Acme"
    assert found.get_body(("html",)) is not None
    assert f"/invitations/{acme.id}." not in shown
    assert f"/invitations/{acme.id}." in path_in(found)


def test_no_token_is_readable_in_the_database_and_none_is_left_once_sent(
    visitor: Visitor, acme: Organisation, work: Callable[[], None], box: Box, superuser: psycopg.Connection
) -> None:
    signed_in(visitor, "ada").post("/orgs/acme/members", email="new@example.com", role="viewer")
    stored = superuser.execute("SELECT mails::text FROM mails").fetchall()
    work()

    key = path_in(box.mails[0]).rpartition(".")[2]
    assert key not in str(stored)
    assert superuser.execute("SELECT state, content FROM mails").fetchall() == [("finished", "")]


def test_a_forgotten_password_is_replaced_by_the_mailed_link_once_and_sessions_end(
    visitor: Visitor, mailing: Settings, people: dict[str, User], work: Callable[[], None], box: Box
) -> None:
    elsewhere = signed_in(Visitor(create_app(mailing).test_client()), "grace")
    visitor.post("/password-reset", email="grace@example.com")
    work()
    address = path_in(box.mails[0])
    visitor.token = ""
    answer = visitor.post(address, new=NEW_PASSWORD)
    work()

    assert answer.status_code == 302
    db.session.expire_all()
    assert authenticate("grace@example.com", NEW_PASSWORD)
    assert elsewhere.get("/orgs").status_code == 302
    assert visitor.get(address).status_code == 404
    assert [each["Subject"] for each in box.mails] == ["Choose a new password", "Your password was changed"]


def test_nobody_s_mailbox_is_flooded_with_invitations(visitor: Visitor, acme: Organisation) -> None:
    owner = signed_in(visitor, "ada")
    members = "/orgs/acme/members"
    # However an address is written: each way alone would not be too often.
    invited = [
        owner.post(members, email=each, role="member").status_code for each in ["a@b.example", "A@b.example"] * 6
    ]
    assert invited[:6] == [302] * 6
    assert 429 in invited
    assert owner.post(members, email="other@example.com", role="member").status_code == 302

    other = invitations(acme.id, datetime.now(UTC))[0].id
    again = [owner.post(f"{members}/invitations/{other}/resend").status_code for _ in range(12)]
    assert again[:5] == [302] * 5
    assert 429 in again


@pytest.mark.parametrize("name", ["ada", "nobody"])
def test_nobody_s_mailbox_is_flooded_with_links_to_choose_a_password(
    visitor: Visitor, people: dict[str, User], name: str
) -> None:
    addresses = [f"{name}@example.com", f"{name}@EXAMPLE.com"] * 6
    answers = [visitor.post("/password-reset", email=each).status_code for each in addresses]

    assert answers[:6] == [302] * 6
    assert 429 in answers
    assert visitor.post("/password-reset", email="grace@example.com").status_code == 302


def test_known_and_unknown_addresses_get_one_answer_and_only_known_ones_a_mail(
    visitor: Visitor, people: dict[str, User], work: Callable[[], None], box: Box, superuser: psycopg.Connection
) -> None:
    answers = [visitor.post("/password-reset", email=f"{name}@example.com") for name in ("grace", "nobody")]
    work()

    assert [(each.status_code, each.location) for each in answers] == [(302, "/login")] * 2
    assert [each["To"] for each in box.mails] == ["grace@example.com"]
    assert superuser.execute("SELECT DISTINCT state, content FROM mails").fetchall() == [("finished", "")]


def test_a_link_to_choose_a_password_works_for_an_hour(app: Flask, people: dict[str, User]) -> None:
    now = datetime.now(UTC)
    with transaction():
        token = make_link(people["grace"], Purpose.RESET, now)

    assert look_at_link(token, Purpose.RESET, now + timedelta(minutes=59)) == people["grace"]
    for purpose, later in ((Purpose.RESET, timedelta(minutes=61)), (Purpose.VERIFY, timedelta())):
        with pytest.raises(NotFound):
            look_at_link(token, purpose, now + later)


@pytest.mark.parametrize("mailed", [True, False])
def test_a_mailed_link_proves_the_address_and_an_operator_s_does_not(
    app: Flask, people: dict[str, User], mailed: bool
) -> None:
    now = datetime.now(UTC)
    with transaction():
        token = make_link(people["grace"], Purpose.RESET, now, mailed)
    with transaction():
        user = reset_password(token, NEW_PASSWORD, now)

    assert (user.verified_at is not None) == mailed


def test_signing_up_sends_a_link_that_proves_the_address_when_a_button_is_pressed(
    visitor: Visitor, work: Callable[[], None], box: Box
) -> None:
    visitor.post("/signup", name="New", email="new@example.com", password=PASSWORD)
    work()
    address = path_in(box.mails[0])
    visitor.token = ""

    assert "This address is mine" in visitor.get(address).text
    assert getattr(by_email("new@example.com"), "verified_at", "nobody") is None
    visitor.post(address)
    assert visitor.get(address).status_code == 404


def test_what_the_server_puts_off_is_tried_again_and_what_it_refuses_for_good_is_not(
    app: Flask, work: Callable[[], None], box: Box, superuser: psycopg.Connection
) -> None:
    for name in ("first", "second"):
        with transaction():
            post(f"{name}@example.com", "password_changed", link="https://log.example.com/password-reset")
        box.answer = {"first": "450 later", "second": "550 nobody here"}[name]
        work()
    box.answer = "250 OK"
    assert superuser.execute("SELECT state, content <> '' FROM mails ORDER BY id").fetchall() == [
        ("ready", True),
        ("stuck", False),
    ]
    superuser.execute("UPDATE mails SET due_at = now()")
    work()

    assert [each["To"] for each in box.mails] == ["first@example.com"]


def test_a_server_that_is_down_holds_up_nobody_and_is_tried_again(
    app: Flask, mailing: Settings, superuser: psycopg.Connection
) -> None:
    with transaction() as hints:
        post("grace@example.com", "password_changed", link="https://log.example.com/password-reset")
    [key] = hints
    assert isinstance(key, MailKey)
    mail.deliver(key, replace(mailing, smtp_url="smtp://127.0.0.1:1"))

    assert superuser.execute("SELECT state, attempts FROM mails").fetchall() == [("ready", 1)]


@pytest.mark.parametrize(
    ("template", "content", "error"),
    [("no_such_letter", None, "TemplateNotFound"), ("password_changed", "k9.AAAA", "CannotOpen")],
)
def test_a_mail_that_cannot_be_opened_or_written_says_why_on_its_row_and_is_tried_again(
    app: Flask, work: Callable[[], None], superuser: psycopg.Connection, template: str, content: str | None, error: str
) -> None:
    with transaction():
        post("grace@example.com", template, link="https://log.example.com/password-reset")
    superuser.execute("UPDATE mails SET content = COALESCE(%s, content)", (content,))
    work()

    [(state, attempts, told)] = superuser.execute("SELECT state, attempts, error FROM mails").fetchall()
    assert (state, attempts) == ("ready", 1)
    assert error in told


def test_a_mail_that_failed_too_often_is_stuck_and_keeps_no_link(
    app: Flask, mailing: Settings, superuser: psycopg.Connection
) -> None:
    with transaction() as hints:
        post("grace@example.com", "password_changed", link="https://log.example.com/password-reset")
    superuser.execute("UPDATE mails SET attempts = %s", ((MAILS.attempts_most or 0) - 1,))
    [key] = hints
    assert isinstance(key, MailKey)
    mail.deliver(key, replace(mailing, smtp_url="smtp://127.0.0.1:1"))

    [(state, content, error)] = superuser.execute("SELECT state, content, error FROM mails").fetchall()
    assert (state, content) == ("stuck", "")
    assert "ConnectionRefusedError" in error


@pytest.fixture
def new_key(settings: Settings) -> Iterator[str]:
    """A key that this run does not have; the next test finds the keys as they were."""
    yield "k2:" + base64.b64encode(b"n" * 32).decode()
    KEYRING.load(settings.encryption_keys)


def test_a_mail_that_waits_while_keys_are_rotated_still_goes_once_the_old_key_is_removed(
    app: Flask, settings: Settings, new_key: str, work: Callable[[], None], box: Box
) -> None:
    with transaction():
        post("grace@example.com", "password_changed", link="https://log.example.com/password-reset")
    KEYRING.load(f"{new_key},{settings.encryption_keys}")
    assert rotation.remaining() == sum(rotation.rotate()) == 1
    KEYRING.load(new_key)
    work()

    assert [each["To"] for each in box.mails] == ["grace@example.com"]


@pytest.mark.parametrize("smtputf8", [True, False])
def test_a_domain_beyond_ascii_is_written_to_as_it_stands_in_dns(
    app: Flask, settings: Settings, box: Box, superuser: psycopg.Connection, smtputf8: bool
) -> None:
    [(state, error)] = written_to("ada@bücher.example", settings, box, superuser, smtputf8)

    assert [each["To"] for each in box.mails] == ["ada@xn--bcher-kva.example"]
    assert (state, error) == ("finished", "")


@pytest.mark.parametrize("smtputf8", [True, False])
def test_letters_beyond_ascii_before_the_at_need_a_server_that_takes_them_and_the_mail_s_row_says_so(
    app: Flask, settings: Settings, box: Box, superuser: psycopg.Connection, smtputf8: bool
) -> None:
    [(state, error)] = written_to("ädä@bücher.example", settings, box, superuser, smtputf8)

    assert (state, len(box.mails)) == (("finished", 1) if smtputf8 else ("stuck", 0))
    assert ("does not offer SMTPUTF8, which an address beyond ASCII needs" in error) is not smtputf8


def written_to(
    recipient: str, settings: Settings, box: Box, superuser: psycopg.Connection, smtputf8: bool
) -> list[tuple[str, str]]:
    """Sends a mail through a server with or without SMTPUTF8; returns what its row says."""
    with transaction() as hints:
        post(recipient, "password_changed", link="https://log.example.com/password-reset")
    [key] = hints
    assert isinstance(key, MailKey)
    with received(box, settings, enable_SMTPUTF8=smtputf8) as mailing:
        mail.deliver(key, mailing)
    return superuser.execute("SELECT state, COALESCE(error, '') FROM mails").fetchall()


def test_without_a_mail_server_the_pages_say_so_and_show_the_link_once(owner: Visitor, acme: Organisation) -> None:
    assert "No mail is sent here" in owner.get("/password-reset").text
    assert f"/invitations/{acme.id}." in owner.post("/orgs/acme/members", email="a@example.com", role="viewer").text
