"""The scheduler asks for its looks again and again, and says that it is at work only while someone takes them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from redis import Redis

from models.settings import Settings
from tests.support.processes import free_port, process, until
from worker import schedule
from worker.publisher import CHARGE, FIND_DUE, QUEUE, publisher
from worker.schedule import Look


@contextmanager
def scheduling(redis_url: str, alive: Path) -> Iterator[None]:
    """One, while the block runs."""
    stop = threading.Event()
    running = threading.Thread(target=schedule.run, args=(publisher(redis_url), stop, str(alive)))
    running.start()
    try:
        yield
    finally:
        stop.set()
        running.join()


def test_each_look_is_asked_for_when_it_is_time(
    app: Flask, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = (Look(FIND_DUE, QUEUE, 0.05, 0), Look(CHARGE, QUEUE, 600, 0.1))
    monkeypatch.setattr(schedule, "SCHEDULE", looks)
    broker = Redis.from_url(settings.redis_url)
    with scheduling(settings.redis_url, tmp_path / "alive"):
        until(lambda: broker.llen(QUEUE) >= 10)
        until(lambda: any(CHARGE.encode() in each for each in broker.lrange(QUEUE, 0, -1)))
    asked = broker.lrange(QUEUE, 0, -1)

    assert sum(CHARGE.encode() in each for each in asked) == 1
    assert all(b'"expires"' in each for each in asked)
    assert (tmp_path / "alive").exists()


def test_while_the_broker_is_down_it_says_nothing_of_being_at_work(tmp_path: Path) -> None:
    with scheduling(f"redis://127.0.0.1:{free_port()}/0", tmp_path / "alive"):
        threading.Event().wait(0.5)

    assert not (tmp_path / "alive").exists()


@pytest.mark.parametrize("name", ["worker", "runtime", "scheduler"])
def test_whoever_is_at_work_touches_the_file_that_is_named(
    app: Flask, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("ALIVE_FILE", str(tmp_path / "alive"))
    with process(replace(settings, data_dir=tmp_path), tmp_path / "log", name):
        until((tmp_path / "alive").exists, tmp_path / "log")
