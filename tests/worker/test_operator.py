"""`activity-log billing` and `jobs` as an operator types them."""

import subprocess
import sys
from datetime import UTC, datetime

import psycopg
import pytest

from models.kinds.container import Container
from models.log.actor import Actor
from models.organisation import Organisation
from models.people.account_link import Purpose, look_at_link
from models.people.user import User
from models.project import Project
from models.settings import Settings
from models.transaction import transaction
from tests.support.log import latest_entry, summaries
from tests.support.processes import environment


def type_in(settings: Settings, *command: str) -> tuple[int, str]:
    """What it answers, and what it prints."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", "from web.cli import main; main()", *command],
        env=environment(settings, 8000),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_suspending_and_resuming_by_hand_tells_the_reason(
    settings: Settings, acme: Organisation, api: Container
) -> None:
    assert type_in(settings, "billing", "suspend", "acme", "--reason", "an abuse report") == (
        0,
        "acme is suspended (entry 7).\n",
    )
    found = latest_entry(acme)
    assert found.summary == "Organisation Acme suspended by an operator: an abuse report"
    assert (found.actor_id, found.actor_name, found.door) == (None, "system", "cli")
    assert type_in(settings, "jobs", "run")[1] == "1 jobs done.\n"
    assert type_in(settings, "billing", "resume", "acme", "--reason", "it was cleared up")[0] == 0
    assert type_in(settings, "jobs", "run")[0] == 0
    assert summaries(acme)[-3:] == [
        "Container my-api suspended",
        "Organisation Acme resumed by an operator: it was cleared up",
        "Container my-api resumed",
    ]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("suspend", "nobody", "--reason", "x"), "There is no organisation nobody."),
        (("resume", "acme", "--reason", "x"), "acme is not suspended: it is active."),
        (("suspend", "acme", "--reason", " "), "Enter a reason."),
        (("suspend", "acme", "--reason", "a\nb"), "Reason contains a control character; remove it."),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    settings: Settings, acme: Organisation, command: tuple[str, ...], told: str
) -> None:
    assert type_in(settings, "billing", *command) == (1, f"Error: {told}\n")


def test_a_stuck_job_is_listed_with_its_error_and_can_be_retried(
    settings: Settings, acme: Organisation, web: Project, ada: Actor, superuser: psycopg.Connection
) -> None:
    with transaction():
        web.delete(ada, "web")
    superuser.execute("UPDATE jobs SET state = 'stuck', error = 'Broken: it broke', attempts = 8")
    status, listed = type_in(settings, "jobs", "list")
    assert (status, "1/1  acme  delete_project  stuck" in listed, "Broken: it broke" in listed) == (0, True, True)
    assert type_in(settings, "jobs", "retry", "1/1") == (0, "It will be tried again.\n")
    assert type_in(settings, "jobs", "run") == (0, "1 jobs done.\n")
    assert type_in(settings, "jobs", "list") == (0, "Nothing is unfinished.\n")


def test_a_round_of_charging_by_hand(settings: Settings, acme: Organisation, api: Container) -> None:
    assert type_in(settings, "billing", "charge") == (0, "Charged.\n")


def test_an_operator_makes_a_link_to_choose_a_password(settings: Settings, people: dict[str, User]) -> None:
    code, printed = type_in(settings, "users", "reset", "Grace@example.com")
    token = printed.strip().rpartition("/password-reset/")[2]

    assert code == 0
    assert look_at_link(token, Purpose.RESET, datetime.now(UTC)).id == people["grace"].id
    assert type_in(settings, "users", "reset", "nobody@example.com")[0] == 1
