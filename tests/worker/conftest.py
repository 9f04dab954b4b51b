"""A real mail server of the test's own, and a dashboard that sends mail through it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from flask import Flask

from bench.processes import free_port
from models.jobs import lease
from models.jobs.delivery import MAILS, MailKey
from models.settings import Settings
from tests.support.mailbox import Box
from tests.web.conftest import Visitor
from web.application import create_app
from worker import mail


@pytest.fixture
def box() -> Box:
    """What has arrived."""
    return Box()


@contextmanager
def received(box: Box, settings: Settings, **options: Any) -> Iterator[Settings]:
    """Settings with a mail server that runs, and puts what arrives into a box."""
    port = free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield replace(
            settings,
            smtp_url=f"smtp://127.0.0.1:{port}",
            mail_from="log@example.com",
            public_url="https://log.example.com",
        )
    finally:
        controller.stop()


@pytest.fixture
def mailing(box: Box, settings: Settings) -> Iterator[Settings]:
    """Settings with a mail server that runs."""
    with received(box, settings) as found:
        yield found


@pytest.fixture
def work(app: Flask, mailing: Settings) -> Callable[[], None]:
    """Deliver everything that is due, as a worker does."""

    def deliver() -> None:
        for key in lease.overdue(MAILS):
            assert isinstance(key, MailKey)
            mail.deliver(key, mailing)

    return deliver


@pytest.fixture
def visitor(app: Flask, mailing: Settings) -> Visitor:
    """Someone at a dashboard that sends mail."""
    return Visitor(create_app(mailing).test_client())
