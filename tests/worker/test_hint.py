"""What is published after a transaction, and that a broker that is down is asked once."""

from dataclasses import replace

import pytest
from flask import Flask
from redis import Redis

from models.jobs.job import JobKey
from models.jobs.observation import ResourceKey
from models.settings import Settings
from tests.support.processes import free_port
from worker import hint
from worker.hint import MANY, hint_all
from worker.publisher import QUEUE, RUNTIME_QUEUE


@pytest.fixture
def broker(settings: Settings, app: Flask) -> Redis:
    """The one that hints of the application go to, empty."""
    return Redis.from_url(settings.redis_url)


def things(count: int) -> list[ResourceKey]:
    """So many containers of one organisation."""
    return [ResourceKey(1, "container", each) for each in range(count)]


def test_a_few_things_are_hinted_at_one_by_one_and_many_by_one_look_at_the_engine(broker: Redis) -> None:
    hint_all([*things(MANY), JobKey(1, 1)])
    assert (broker.llen(RUNTIME_QUEUE), broker.llen(QUEUE)) == (MANY, 1)
    broker.flushdb()
    hint_all([*things(MANY + 1), JobKey(1, 1)])
    assert (broker.llen(RUNTIME_QUEUE), broker.llen(QUEUE)) == (1, 1)


def test_a_broker_that_is_down_is_asked_once(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    dark = Flask("dark")
    hint.attach(dark, replace(settings, redis_url=f"redis://127.0.0.1:{free_port()}/0"))
    with dark.app_context():
        hint_all(list(things(MANY)))

    assert len(caplog.messages) == 1


@pytest.mark.parametrize("refusal", ["maxmemory", "min-replicas-to-write"])
def test_a_broker_that_refuses_to_write_is_one_that_is_down(
    broker: Redis, caplog: pytest.LogCaptureFixture, refusal: str
) -> None:
    broker.config_set(refusal, "1")
    try:
        hint_all(list(things(MANY)))
    finally:
        broker.config_set(refusal, "0")

    assert len(caplog.messages) == 1
    assert "the schedule will find it" in caplog.messages[0]
