"""Mail about organisations: failed deployments and low balances, to those whom they concern, once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
from flask import Flask

from models.billing.cards import PaymentMethod
from models.billing.payment import top_up
from models.jobs import deployment
from models.jobs.failures import OLDEST, PAUSE
from models.kinds.container import Container
from models.log.actor import Actor
from models.organisation import Organisation
from models.people.access import Role
from models.people.member import find_member
from models.people.user import User
from models.project import Project
from models.settings import Settings
from models.transaction import transaction
from tests.conftest import as_actor
from tests.support.deployments import deployed
from tests.support.mailbox import Box, path_in, text_of
from worker.app import create_app
from worker.notices import tell_of_failures, tell_of_low_balances
from worker.tasks import charge, find_due

PUBLIC = "https://log.example.com"
Work = Callable[[], None]


@pytest.fixture
def proven(people: dict[str, User], acme: Organisation) -> dict[str, User]:
    """Everyone, with an address that is confirmed."""
    with transaction():
        for each in people.values():
            each.verified_at = datetime.now(UTC)
    return people


def create(project: Project, actor: Actor, handle: str) -> Container:
    """Creates a container, which asks for its first deployment."""
    with transaction():
        return project.create(actor, Container, name=handle, handle=handle, image="nginx:1.27")


def fail(container: Container, reason: str = "There is no such image.") -> None:
    """Has its deployment end."""
    with transaction():
        lease = deployment.claim(container.key, container.revision)
    assert lease
    with transaction():
        deployment.fail(lease, reason)


def tell(work: Work, at: datetime | None = None) -> None:
    """Tells of what has failed, and delivers the mail."""
    tell_of_failures(PUBLIC, at)
    work()


def to(box: Box) -> list[str]:
    """Who got mail, by the name before the @."""
    return sorted(str(each["To"]).partition("@")[0] for each in box.mails)


def test_whoever_asked_and_owners_and_admins_are_told_of_a_failed_deployment(
    web: Project, proven: dict[str, User], work: Work, box: Box
) -> None:
    fail(create(web, as_actor(proven["linus"], Role.MEMBER), "api"))
    tell(work)

    assert to(box) == ["ada", "grace", "linus"]
    assert box.mails[0]["Subject"] == "Container api failed to deploy"
    assert "in project Web of Acme failed to deploy nginx:1.27: There is no such image." in text_of(box.mails[0])
    assert path_in(box.mails[0]) == "/orgs/acme/projects/web/containers/api"


def test_a_member_is_told_of_what_they_asked_for_and_of_nothing_else(
    web: Project, ada: Actor, proven: dict[str, User], work: Work, box: Box
) -> None:
    fail(create(web, ada, "of-ada"))
    fail(create(web, as_actor(proven["linus"], Role.MEMBER), "of-linus"))
    tell(work)

    subjects = {str(each["To"]).partition("@")[0]: each["Subject"] for each in box.mails}
    assert subjects == {
        "ada": "2 deployments failed in Acme",
        "grace": "2 deployments failed in Acme",
        "linus": "Container of-linus failed to deploy",
    }


def test_a_deployment_that_failed_is_told_once(web: Project, ada: Actor, proven: object, work: Work, box: Box) -> None:
    fail(create(web, ada, "api"))
    for hours in range(3):
        tell(work, datetime.now(UTC) + timedelta(hours=hours))

    assert to(box) == ["ada", "grace"]


def test_what_fails_soon_after_waits_and_comes_in_one_mail(
    web: Project, ada: Actor, proven: object, work: Work, box: Box
) -> None:
    fail(create(web, ada, "first"))
    now = datetime.now(UTC)
    tell(work, now)
    for number in range(3):
        fail(create(web, ada, f"later-{number}"))
        tell(work, now + timedelta(seconds=number))
    assert to(box) == ["ada", "grace"]
    tell(work, now + PAUSE + timedelta(seconds=1))

    assert to(box) == ["ada", "ada", "grace", "grace"]
    assert box.mails[-1]["Subject"] == "3 deployments failed in Acme"


def test_whoever_switched_it_off_has_no_proven_address_or_has_left_is_not_told(
    web: Project, ada: Actor, acme: Organisation, proven: dict[str, User], work: Work, box: Box
) -> None:
    container = create(web, as_actor(proven["linus"], Role.MEMBER), "api")
    with transaction():
        proven["ada"].choose_mails(deployments=False, balance=True, checkpoints=True)
        proven["grace"].verified_at = None
    with transaction():
        find_member(acme.id, proven["linus"].id).remove(ada)
    fail(container)
    tell(work)

    assert box.mails == []


def test_of_what_has_ended_or_failed_long_ago_nobody_is_told(
    web: Project, ada: Actor, proven: object, work: Work, box: Box, superuser: psycopg.Connection
) -> None:
    ended, old = create(web, ada, "ended"), create(web, ada, "old")
    fail(ended)
    fail(old)
    with transaction():
        ended.end(ada)
    superuser.execute("UPDATE deployments SET ended_at = now() - %s WHERE resource_id = %s", (OLDEST, old.id))
    tell(work)

    assert box.mails == []


def test_a_worker_with_a_mail_server_tells_and_one_without_does_not(
    web: Project, ada: Actor, proven: object, settings: Settings, mailing: Settings, work: Work, box: Box
) -> None:
    fail(create(web, ada, "api"))
    for told, expected in ((settings, []), (mailing, ["ada", "grace"])):
        with create_app(told).app_context():
            find_due()
        work()
        assert to(box) == expected


# Balances


def spend(superuser: psycopg.Connection, cents: int) -> None:
    """Leaves so much on the balance, of which an hour takes a cent."""
    superuser.execute(
        "UPDATE billing_accounts SET balance_cents = %s, cpu_millicores = 0, memory_mib = 20833, cache_mib = 0",
        (cents,),
    )


def test_owners_are_told_once_that_the_balance_lasts_for_less_than_a_day(
    acme: Organisation, proven: object, work: Work, box: Box, superuser: psycopg.Connection
) -> None:
    for cents in (240, 239, 120, 0):
        spend(superuser, cents)
        tell_of_low_balances(PUBLIC)
        work()
        assert len(box.mails) == (cents < 240)

    assert box.mails[0]["To"] == "ada@example.com"
    assert box.mails[0]["Subject"] == "The balance of Acme lasts for about 23 hours"
    assert "The balance is €2.39." in text_of(box.mails[0])
    assert path_in(box.mails[0]) == "/orgs/acme/billing"


def test_after_a_top_up_they_are_told_again(
    acme: Organisation,
    ada: Actor,
    card: PaymentMethod,
    proven: object,
    work: Work,
    box: Box,
    superuser: psycopg.Connection,
) -> None:
    for _ in range(2):
        spend(superuser, 0)
        tell_of_low_balances(PUBLIC)
        with transaction():
            top_up(acme.id, ada, 5000, card.id, uuid4())
        tell_of_low_balances(PUBLIC)
    work()

    assert [each["Subject"] for each in box.mails] == ["The balance of Acme is used up"] * 2


@pytest.mark.parametrize(
    ("column", "told"),
    [("auto_top_up = false", 1), ("auto_top_up = true", 0), ("auto_top_up = true, retry_at = now()", 1)],
)
def test_a_balance_that_fills_itself_is_low_only_once_the_card_was_declined(
    acme: Organisation,
    card: PaymentMethod,
    proven: object,
    work: Work,
    box: Box,
    superuser: psycopg.Connection,
    column: str,
    told: int,
) -> None:
    spend(superuser, 100)
    superuser.execute(f"UPDATE billing_accounts SET {column}".encode())
    tell_of_low_balances(PUBLIC)
    work()

    assert len(box.mails) == told


def test_nobody_is_told_where_nothing_runs_or_mail_is_switched_off(
    acme: Organisation, proven: dict[str, User], work: Work, box: Box, superuser: psycopg.Connection
) -> None:
    tell_of_low_balances(PUBLIC)
    with transaction():
        proven["ada"].choose_mails(deployments=True, balance=False, checkpoints=True)
    spend(superuser, 0)
    tell_of_low_balances(PUBLIC)
    work()

    assert box.mails == []


def test_a_round_of_charging_tells(
    app: Flask,
    web: Project,
    ada: Actor,
    proven: object,
    mailing: Settings,
    work: Work,
    box: Box,
    superuser: psycopg.Connection,
) -> None:
    deployed(create(web, ada, "api").key, 1)
    superuser.execute("UPDATE usage_changes SET at = at - interval '5 minutes'")
    superuser.execute("UPDATE billing_accounts SET charged_until = charged_until - interval '5 minutes'")
    with create_app(mailing).app_context():
        charge()
    work()

    assert [each["Subject"] for each in box.mails] == ["The balance of Acme is used up"]
