"""Another email address: asked for with the password, proven by a link, and told to both addresses."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from models.database import db
from models.errors import NotFound
from models.log.actor import Actor
from models.organisation import Organisation, create_organisation
from models.people.account_link import make_address_link, use_address_link
from models.people.user import User, by_email
from models.settings import Settings
from models.transaction import transaction
from tests.conftest import PASSWORD
from tests.support.log import latest_entry, summaries
from tests.support.mailbox import Box, path_in, text_of
from tests.web.conftest import Visitor, signed_in, visit
from web.application import create_app

__all__ = ["visit"]
NEW = "augusta@example.com"
Work = Callable[[], None]


@pytest.fixture
def ada_s(visitor: Visitor, acme: Organisation) -> Visitor:
    """Ada, signed in where mail is sent."""
    return signed_in(visitor, "ada")


def ask(visitor: Visitor, email: str = NEW, password: str = PASSWORD) -> str:
    """Send the form; returns what the account says then."""
    answer = visitor.post("/account/email", email=email, password=password)
    return answer.text if answer.status_code != 302 else visitor.get("/account").text


def mails_to(box: Box, address: str) -> list[str]:
    """The subjects of what has arrived there."""
    return [str(each["Subject"]) for each in box.mails if each["To"] == address]


def link_of(box: Box) -> str:
    """Where the newest mail to the new address leads."""
    return path_in([each for each in box.mails if each["To"] == NEW][-1])


def test_nothing_changes_before_the_link_is_opened(ada_s: Visitor, work: Work, box: Box) -> None:
    page = ask(ada_s)
    work()

    assert f"on its way to {NEW}" in page
    assert by_email("ada@example.com")
    assert not by_email(NEW)
    assert mails_to(box, NEW) == ["Confirm your new email address"]
    assert mails_to(box, "ada@example.com") == ["Your email address is to be changed"]
    assert NEW in text_of(box.mails[1])


def test_the_link_and_its_button_change_it_once_and_both_addresses_are_told(
    ada_s: Visitor, work: Work, box: Box
) -> None:
    ask(ada_s)
    work()
    link = link_of(box)
    assert f"Use {NEW}" in ada_s.get(link).text
    assert not by_email(NEW)
    ada_s.post(link)
    work()

    user = by_email(NEW)
    assert user
    assert user.verified_at is not None
    assert not by_email("ada@example.com")
    assert mails_to(box, NEW)[1:] == mails_to(box, "ada@example.com")[1:] == ["Your email address was changed"]
    assert ada_s.post(link).status_code == 404


def test_every_organisation_of_the_person_has_the_entry(
    ada_s: Visitor, acme: Organisation, ada: Actor, people: dict[str, User], work: Work, box: Box
) -> None:
    with transaction():
        globex = create_organisation(people["ada"], ada, name="Globex", handle="globex", email="a@globex.example.com")
    ask(ada_s)
    work()
    ada_s.post(link_of(box))

    for organisation in (acme, globex):
        entry = latest_entry(organisation)
        assert entry.summary == "User Ada Lovelace's email address changed"
        assert entry.changes == {"email_address": ["ada@example.com", NEW]}
        assert (entry.actor_id, entry.actor_role) == (ada.id, "owner")


def test_a_wrong_password_asks_for_nothing(ada_s: Visitor, work: Work, box: Box) -> None:
    assert "That is not your current password." in ask(ada_s, password="wrong")
    work()

    assert box.mails == []


@pytest.mark.parametrize(
    ("email", "complaint"), [("nobody", "Enter an email address"), ("Ada@example.com", "your address already")]
)
def test_what_cannot_be_an_address_of_theirs_is_refused(ada_s: Visitor, email: str, complaint: str) -> None:
    assert complaint in ask(ada_s, email)


def test_that_an_address_is_taken_is_told_there_and_nowhere_else(ada_s: Visitor, work: Work, box: Box) -> None:
    free, taken = (ask(ada_s, email).replace(email, "") for email in (NEW, "grace@example.com"))
    work()

    assert free.partition("</main>")[0].count("on its way") == taken.partition("</main>")[0].count("on its way") == 1
    assert mails_to(box, "grace@example.com") == ["This address has an account already"]
    assert mails_to(box, "ada@example.com") == ["Your email address is to be changed"] * 2
    assert by_email("grace@example.com")


def test_an_address_that_is_taken_meanwhile_is_not_given_away(
    ada_s: Visitor, people: dict[str, User], work: Work, box: Box, superuser: psycopg.Connection
) -> None:
    ask(ada_s)
    work()
    superuser.execute("UPDATE users SET email = %s WHERE id = %s", (NEW, people["grace"].id))

    assert "Another account has this address." in ada_s.post(link_of(box)).text
    assert by_email("ada@example.com")


def test_whoever_reads_the_mail_but_did_not_ask_cannot_use_the_link(
    ada_s: Visitor, mailing: Settings, work: Work, box: Box
) -> None:
    stranger = signed_in(Visitor(create_app(mailing).test_client()), "mallory")
    ask(ada_s)
    work()

    assert stranger.get(link_of(box)).status_code == 404
    assert stranger.post(link_of(box)).status_code == 404
    assert Visitor(create_app(mailing).test_client()).get(link_of(box)).location.startswith("/login?next=")
    assert ada_s.post(link_of(box)).location == "/account"


def test_a_new_password_stops_the_change(ada_s: Visitor, work: Work, box: Box) -> None:
    ask(ada_s)
    work()
    ada_s.post("/account/password", current=PASSWORD, new="another long password")
    ada_s.token = ""

    assert ada_s.post(link_of(box)).status_code == 404
    assert by_email("ada@example.com")


def test_asking_for_another_address_closes_the_link_for_the_first(app: object, people: dict[str, User]) -> None:
    now = datetime.now(UTC)
    with transaction():
        first = make_address_link(people["ada"], "mistyped@example.com", now)
    with transaction():
        second = make_address_link(people["ada"], NEW, now)

    with pytest.raises(NotFound), transaction():
        use_address_link(people["ada"], first, now)
    with pytest.raises(NotFound), transaction():
        use_address_link(people["ada"], second, now + timedelta(hours=25))
    with transaction():
        assert use_address_link(people["ada"], second, now) == NEW


def test_nobody_has_one_mail_after_the_other_sent(ada_s: Visitor) -> None:
    asked, again = set(), set()
    for number in range(12):
        asked.add(ada_s.post("/account/email", email=f"a{number}@example.com", password=PASSWORD).status_code)
        again.add(ada_s.post("/account/verify-email").status_code)

    assert asked == again == {302, 429}


def test_the_account_says_whether_the_address_is_confirmed(
    ada_s: Visitor, work: Work, box: Box, superuser: psycopg.Connection
) -> None:
    before = ada_s.get("/account").text
    ada_s.post("/account/verify-email")
    work()
    ada_s.post(path_in(box.mails[0]))
    after = ada_s.get("/account").text

    assert "not confirmed" in before
    assert "Send a link to confirm ada@example.com" in before
    assert "ada@example.com is confirmed" in after
    assert "Send a link" not in after


def test_without_a_mail_server_it_is_changed_at_once_and_unproven(
    visit: Callable[[str], Visitor], acme: Organisation
) -> None:
    ada = visit("ada")
    assert "No mail is sent here" in ada.get("/account").text
    assert "Another account has this address." in ask(ada, "grace@example.com")
    assert f"Your email address is now {NEW}" in ask(ada)

    db.session.expire_all()
    user = by_email(NEW)
    assert user
    assert user.verified_at is None
    assert summaries(acme)[-1] == "User Ada Lovelace's email address changed"


def test_mails_about_organisations_are_switched_off_and_on(ada_s: Visitor, people: dict[str, User]) -> None:
    ada_s.post("/account/mails", mails_balance="y")
    db.session.refresh(people["ada"])
    assert (people["ada"].mails_deployments, people["ada"].mails_balance) == (False, True)
    assert not people["ada"].mails_checkpoints
    db.session.rollback()
    ada_s.post("/account/mails", mails_deployments="y", mails_checkpoints="y")
    db.session.refresh(people["ada"])

    assert (people["ada"].mails_deployments, people["ada"].mails_balance) == (True, False)
    assert people["ada"].mails_checkpoints
