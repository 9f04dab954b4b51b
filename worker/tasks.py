"""Tasks, as plain functions inside an app that worker/app.py builds: do what a hint names, and hint again."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from flask import current_app

from models.jobs import job, lease
from models.jobs.anchor import AnchorKey
from models.jobs.delivery import MAILS, MailKey
from models.jobs.deployment import DeploymentKey
from models.jobs.job import JobKey
from models.jobs.observation import ResourceKey
from models.jobs.output import Output
from models.jobs.verification import VERIFICATIONS, VerificationKey
from models.settings import Settings
from models.system import cascade, charging, due, sealing, verification_round
from models.system.expiry import expire_all
from worker import anchors, mail, notices, output
from worker.engine import connection
from worker.engine import output as readings
from worker.engine import reconcile as rounds
from worker.engine.interface import EngineDown
from worker.hint import hint, hint_at_engine, hint_at_log

log = logging.getLogger(__name__)
SEAL_SECONDS_MOST = 20
LOOKED_BACK = threading.Event()
"""Whether this process has looked, since it began, if the past is what was sealed."""


def run(organisation_id: int, job_id: int) -> None:
    """Run a job, if it is due and nobody else is at it."""
    if cascade.run(JobKey(organisation_id, job_id), hint):
        hint_at_engine(organisation_id)


def deliver(mail_id: int) -> None:
    """Send a mail, if it is due. Without a mail server it waits until one is set."""
    settings = current_app.config["SETTINGS"]
    if settings.smtp_url:
        mail.deliver(MailKey(mail_id), settings)


def bring(anchor: str) -> None:
    """Bring the installation's newest checkpoint to an anchor, if it is due."""
    anchors.bring(AnchorKey(anchor))


def converge(organisation_id: int, noun: str, resource_id: int) -> None:
    """Make the engine run what should run of one thing: carry out its deployment, if one is due."""
    with _asked_again_when_down():
        rounds.converge(connection.runtime(), ResourceKey(organisation_id, noun, resource_id))
        for key in rounds.SLOTS.ready():
            hint(key)


def reconcile(organisation_id: int | None = None) -> None:
    """Make the engine run what should run of an organisation, or of all of them."""
    with _asked_again_when_down():
        found = connection.runtime() if organisation_id else connection.report()
        if found is None:
            return
        with rounds.ROUNDS.begin(organisation_id) as times:
            done = [rounds.converge_all(found, organisation_id, hint) for _ in times]
        if not done:
            rounds.hint_due(found, organisation_id, hint)
        for each in rounds.ROUNDS.ready():
            hint_at_engine(each)


def read_output(organisation_id: int, noun: str, resource_id: int, revision: int) -> None:
    """Read what a deployment has written, for whoever looks at it."""
    key = DeploymentKey(organisation_id, noun, resource_id, revision)
    if not readings.READERS.acquire(blocking=False):
        return
    try:
        found = readings.read(connection.runtime(), key)
    except EngineDown:
        found = Output([], "The container engine does not answer.")
    finally:
        readings.READERS.release()
    output.hand_over(key, found)


def find_due() -> None:
    """Hint again at every job that is due and that nobody holds, close what has expired, seal, tell of what failed."""
    settings: Settings = current_app.config["SETTINGS"]
    now = datetime.now(UTC)
    found = due.look(now, anchors.names())
    if found.jobs:
        for key in job.overdue():
            hint(key)
    if found.mails:
        for mail_key in lease.overdue(MAILS):
            hint(mail_key)
    if found.invitations:
        expire_all(now)
    # A database may have gone back while this process did not run, and nothing been added to it since.
    if found.seals or not LOOKED_BACK.is_set():
        seal()
    if found.verifications:
        for verification_key in lease.overdue(VERIFICATIONS):
            hint(verification_key)
    if found.anchors:
        anchors.look()
    if settings.smtp_url:
        notices.tell_of_failures(settings.public_url)


def seal() -> None:
    """Seal what was added to the log; what takes longer than a task should is gone on with by another."""
    settings: Settings = current_app.config["SETTINGS"]
    end = time.monotonic() + SEAL_SECONDS_MOST
    LOOKED_BACK.set()
    if sealing.seal_all(settings.sealed, lambda: time.monotonic() < end):
        hint_at_log()
    if anchors.names():
        anchors.look()


def charge() -> None:
    """Do a round of charging, and tell of what runs low: whoever asks and however late, each is done once."""
    settings: Settings = current_app.config["SETTINGS"]
    charging.charge_round(settings.suspension_grace, hint)
    if settings.smtp_url:
        notices.tell_of_low_balances(settings.public_url)


def send_checkpoints() -> None:
    """Send owners the checkpoints that are due."""
    settings: Settings = current_app.config["SETTINGS"]
    if settings.smtp_url:
        notices.send_checkpoints(settings.public_url)


def verify(organisation_id: int, verification_id: int) -> None:
    """Carry out a verification, if it is due and nobody else is at it."""
    verification_round.run(VerificationKey(organisation_id, verification_id))


def verify_weekly() -> None:
    """Have the logs verified that were not for a week."""
    for key in verification_round.ask_for_due(datetime.now(UTC)):
        hint(key)


@contextmanager
def _asked_again_when_down() -> Iterator[None]:
    """Leave it to the next round when the engine does not answer."""
    try:
        yield
    except EngineDown as down:
        log.warning("the engine does not answer, it is asked again by the schedule: %s", down)
