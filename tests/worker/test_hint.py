"""What is published after a transaction, and that a broker that is down is asked once."""

from collections.abc import Iterator

import pytest
from flask import Flask
from redis import Redis

from models.jobs.job import JobKey
from models.jobs.observation import ResourceKey
from models.settings import Settings
from tests.support.processes import free_port
from worker.hint import MANY, QUEUE, RUNTIME_QUEUE, aim, aimed_at, hint_all


@pytest.fixture
def broker(settings: Settings, app: Flask) -> Iterator[Redis]:
    """The real one, empty; hints go where they went before once the test is over."""
    before = aimed_at()
    aim(settings.redis_url)
    yield Redis.from_url(settings.redis_url)
    aim(before)


def things(count: int) -> list[ResourceKey]:
    """So many containers of one organisation."""
    return [ResourceKey(1, "container", each) for each in range(count)]


def test_a_few_things_are_hinted_at_one_by_one_and_many_by_one_look_at_the_engine(broker: Redis) -> None:
    hint_all([*things(MANY), JobKey(1, 1)])
    assert (broker.llen(RUNTIME_QUEUE), broker.llen(QUEUE)) == (MANY, 1)
    broker.flushdb()
    hint_all([*things(MANY + 1), JobKey(1, 1)])
    assert (broker.llen(RUNTIME_QUEUE), broker.llen(QUEUE)) == (1, 1)


def test_a_broker_that_is_down_is_asked_once(broker: Redis, caplog: pytest.LogCaptureFixture) -> None:
    aim(f"redis://127.0.0.1:{free_port()}/0")
    hint_all(list(things(MANY)))

    assert len(caplog.messages) == 1
