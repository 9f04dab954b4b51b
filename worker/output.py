"""Where output is asked for and handed over: the pages have no engine, and only the runtime process has one.

Who looks leaves a question as a hint. The runtime reads the engine and leaves the answer in Redis, sealed, since Redis
writes to its disk, and for seconds. All who look at one thing share question and answer: the engine is asked no more
often for a hundred of them than for one.
"""

import logging
import time
from typing import Any, NamedTuple

from flask import Flask, current_app
from redis import Redis
from redis.exceptions import RedisError

from models.jobs.deployment import DeploymentKey
from models.jobs.output import Output
from models.sealed import CannotOpen
from models.settings import Settings
from worker.hint import ask_for_output

log = logging.getLogger(__name__)
EXTENSION = "output"
PATIENCE_SECONDS = 0.5
# Whoever polls every three seconds finds an answer, and whoever stops looking leaves nothing behind.
KEPT_SECONDS = 12
ASKED_SECONDS = 2
POLL_SECONDS = 0.05


class Unreachable(Exception):
    """Redis does not answer: nothing can be asked for."""


class Answer(NamedTuple):
    """What the runtime has read, and how long ago."""

    output: Output
    age_seconds: float


def attach(app: Flask, settings: Settings) -> None:
    """Give `app` the place where questions and answers lie."""
    app.extensions[EXTENSION] = Redis.from_url(
        settings.redis_url, socket_timeout=PATIENCE_SECONDS, socket_connect_timeout=PATIENCE_SECONDS
    )


def look(key: DeploymentKey) -> Answer | None:
    """Ask for what a deployment has written, and return what was read a moment ago, if anything was.

    Raises Unreachable.
    """
    try:
        if _redis().set(f"{_name(key)} asked", 1, nx=True, ex=ASKED_SECONDS) and not ask_for_output(key):
            raise Unreachable
        stored, left = _redis().pipeline().get(_name(key)).pttl(_name(key)).execute()
    except RedisError as error:
        log.warning("output cannot be asked for: %s", error)
        raise Unreachable from error
    if stored is None:
        return None
    try:
        return Answer(Output.opened(stored.decode(), _name(key)), KEPT_SECONDS - left / 1000)
    except CannotOpen:
        return None  # from before the keys were changed


def wait(key: DeploymentKey, seconds: float) -> Answer | None:
    """Ask, and wait for an answer that is no older than the question, or as long as is said. Raises Unreachable."""
    begin = time.monotonic()
    while True:
        found = look(key)
        waited = time.monotonic() - begin
        if waited > seconds or (found and found.age_seconds < max(waited, ASKED_SECONDS)):
            return found
        time.sleep(POLL_SECONDS)


def hand_over(key: DeploymentKey, found: Output) -> None:
    """Leave an answer for whoever looks."""
    try:
        _redis().set(_name(key), found.sealed(_name(key)), ex=KEPT_SECONDS)
    except RedisError as error:
        log.warning("output cannot be handed over: %s", error)


def _redis() -> Any:
    return current_app.extensions[EXTENSION]


def _name(key: DeploymentKey) -> str:
    return f"output {key.organisation_id} {key.noun} {key.resource_id} {key.revision}"
