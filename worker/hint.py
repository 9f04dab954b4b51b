"""All that the web knows of the worker: "look at this". A hint may get lost; the row is the job."""

import time
from collections.abc import Sequence

from flask import Flask, current_app

from models.jobs.anchor import AnchorKey
from models.jobs.delivery import MailKey
from models.jobs.deployment import DeploymentKey
from models.jobs.job import JobKey
from models.jobs.observation import ResourceKey
from models.jobs.queue import Hinted
from models.jobs.verification import VerificationKey
from models.settings import Settings
from worker.publisher import (
    BRING,
    CONVERGE,
    DELIVER,
    QUEUE,
    READ_OUTPUT,
    RECONCILE,
    RUN,
    RUNTIME_QUEUE,
    SEAL,
    SEAL_QUEUE,
    VERIFY,
    publisher,
    send,
)

EXTENSION = "hints"
SEALING = "hints.sealing"
# What is added to the log until then is sealed with it.
SEAL_SECONDS = 2
# A broker that is down holds up one change in so long, and no others.
DOWN_SECONDS = 15
# For more things than this, one comparison of everything is less work.
MANY = 10
# Whoever asked has asked again by then, or has stopped looking.
QUESTION_SECONDS = 5
TASKS: dict[type, tuple[str, str]] = {
    JobKey: (RUN, QUEUE),
    MailKey: (DELIVER, QUEUE),
    VerificationKey: (VERIFY, QUEUE),
    AnchorKey: (BRING, QUEUE),
    ResourceKey: (CONVERGE, RUNTIME_QUEUE),
}
"""Which task looks at what a hint names, and in which queue."""


def attach(app: Flask, settings: Settings) -> None:
    """Give `app` a publisher for its hints."""
    app.extensions[EXTENSION] = publisher(settings.redis_url)


def hint(key: Hinted) -> bool:
    """Have a worker look at something; False when the broker is down, since then the schedule finds what is due."""
    task, queue = TASKS[type(key)]
    return send(current_app.extensions[EXTENSION], task, queue, *key)


def hint_all(keys: Sequence[Hinted]) -> bool:
    """Have workers look at what a transaction has left to be done; False when the broker is down.

    Of many things that run, one look at the engine is asked for instead. A broker that is down is waited for once.
    """
    things = [key for key in keys if isinstance(key, ResourceKey)]
    if len(things) > MANY:
        keys = [key for key in keys if not isinstance(key, ResourceKey)]
        for organisation_id in {thing.organisation_id for thing in things}:
            if not hint_at_engine(organisation_id):
                return False
    return all(hint(key) for key in keys)


def hint_at_log() -> bool:
    """Have what was added to the log sealed in a moment; False when the broker is down.

    A process asks once for all that it adds until then.
    """
    now = time.monotonic()
    if now < current_app.extensions.get(SEALING, 0):
        return True
    current_app.extensions[SEALING] = now + SEAL_SECONDS
    sent = send(current_app.extensions[EXTENSION], SEAL, SEAL_QUEUE, after=SEAL_SECONDS)
    if not sent:
        current_app.extensions[SEALING] = time.monotonic() + DOWN_SECONDS
    return sent


def hint_at_engine(organisation_id: int) -> bool:
    """Have everything of an organisation compared with what the engine runs; False when the broker is down."""
    return send(current_app.extensions[EXTENSION], RECONCILE, RUNTIME_QUEUE, organisation_id)


def ask_for_output(key: DeploymentKey) -> bool:
    """Have the runtime read what a deployment has written; False when the broker is down."""
    through = current_app.extensions[EXTENSION]
    return send(through, READ_OUTPUT, RUNTIME_QUEUE, *key, expires=QUESTION_SECONDS)
