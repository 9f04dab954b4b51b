"""Checkpoints by mail: to owners, once a week, of a log that has grown."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from models.jobs.keepsakes import EVERY
from models.log.proof.checkpoint import Checkpoint
from models.log.proof.note import Signer
from models.log.proof.tree import EMPTY_ROOT
from models.organisation import Organisation
from models.people.user import User
from models.transaction import transaction
from tests.support.mailbox import Box, text_of
from worker.notices import send_checkpoints

PUBLIC = "https://log.example.com"
LATER = timedelta(minutes=1)
Work = Callable[[], None]


@pytest.fixture
def proven(people: dict[str, User], acme: Organisation) -> dict[str, User]:
    """Everyone, with an address that is confirmed."""
    with transaction():
        for each in people.values():
            each.verified_at = datetime.now(UTC)
    return people


def seal(superuser: psycopg.Connection, organisation: Organisation, size: int) -> str:
    """Has a checkpoint of the organisation's log; returns the note."""
    signer = Signer(f"an-installation/{organisation.id}/7", bytes(32))
    note = str(Checkpoint(signer.name, size, EMPTY_ROOT).signed(signer))
    superuser.execute(
        """INSERT INTO activity_checkpoints (organisation_id, epoch, size, meta_index, root, note)
           VALUES (%s, 7, %s, %s, %s, %s)""",
        [organisation.id, size, size, EMPTY_ROOT, note],
    )
    return note


def test_an_owner_is_sent_the_newest_checkpoint_as_text_and_as_a_file(
    acme: Organisation, proven: object, work: Work, box: Box, superuser: psycopg.Connection
) -> None:
    seal(superuser, acme, 3)
    note = seal(superuser, acme, 12)
    send_checkpoints(PUBLIC, datetime.now(UTC) + EVERY + LATER)
    work()

    [mail] = box.mails
    assert mail["To"] == "ada@example.com"
    assert mail["Subject"] == "The log of Acme as far as entry 12"
    assert f"\n{note}\n" in text_of(mail).replace("\r\n", "\n")
    assert f"\n{PUBLIC}/orgs/acme/proof\n" in text_of(mail).replace("\r\n", "\n")
    [file] = mail.iter_attachments()
    assert file.get_filename() == "checkpoint.txt"
    assert file.get_content().replace("\r\n", "\n") == note
    html = mail.get_body(("html",))
    assert html
    assert f"<pre>{note.strip()}" in html.get_content().replace("\r\n", "\n").replace("&#43;", "+")


def test_it_is_sent_once_a_week_and_only_when_the_log_has_grown(
    acme: Organisation, proven: object, work: Work, box: Box, superuser: psycopg.Connection
) -> None:
    begun = datetime.now(UTC)
    seal(superuser, acme, 3)
    sent = []
    for at in (begun, begun + EVERY + LATER, begun + EVERY + 2 * LATER, begun + 2 * EVERY + 3 * LATER):
        send_checkpoints(PUBLIC, at)
        work()
        sent.append(len(box.mails))
    seal(superuser, acme, 4)
    send_checkpoints(PUBLIC, begun + 3 * EVERY)
    work()

    assert sent == [0, 1, 1, 1]
    assert len(box.mails) == 2


def test_nobody_is_sent_one_who_has_switched_it_off_or_whose_log_is_not_sealed(
    acme: Organisation, proven: dict[str, User], work: Work, box: Box, superuser: psycopg.Connection
) -> None:
    send_checkpoints(PUBLIC, datetime.now(UTC) + EVERY + LATER)
    with transaction():
        proven["ada"].choose_mails(deployments=True, balance=True, checkpoints=False)
    seal(superuser, acme, 3)
    send_checkpoints(PUBLIC, datetime.now(UTC) + EVERY + LATER)
    work()

    assert box.mails == []
