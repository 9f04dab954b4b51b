"""PostgreSQL is stopped (SIGSTOP) under the real web server: nothing says a word, and everybody gets an answer."""

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import NamedTuple

import flask
import psutil
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from models.database import attach, db
from models.migrations import migrate
from models.patience import OF_A_REQUEST, OF_WORK, Patience
from models.settings import Settings
from tests.support.clients import Answer, Browser
from tests.support.processes import of_each, until
from tests.support.servers import Servers
from tests.support.serving import Serving, served
from web.cli.local import embedded
from web.cli.local.server import Server
from web.serving.buffered import THREADS

PAGE_SECONDS = 10
HEALTH_SECONDS = 3


class Platform(NamedTuple):
    """The web server, and the PostgreSQL behind it."""

    web: Serving
    postgresql: psutil.Process
    settings: Settings


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Servers of its own, since one of them gets stopped."""
    folder = tmp_path_factory.mktemp("frozen")
    kept = embedded.Secrets.kept_in(folder)
    started: list[Server] = []
    with (
        embedded.postgresql(folder, kept, for_tests=True, started=started.append) as database,
        embedded.valkey(folder, kept) as redis_url,
    ):
        settings = Servers(database, redis_url).settings(folder)
        migrate(settings.database_owner_url, "activity_log_app")
        with served(settings, folder) as web:
            yield Platform(web, psutil.Process(started[0].process.pid), settings)


@contextmanager
def frozen(postgresql: psutil.Process) -> Iterator[None]:
    """All of it is stopped while the block runs."""
    family = [postgresql, *postgresql.children(recursive=True)]
    of_each(family, lambda each: each.send_signal(signal.SIGSTOP))
    try:
        yield
    finally:
        of_each(family, lambda each: each.send_signal(signal.SIGCONT))


def timed(ask_once: Callable[[], Answer]) -> tuple[int, float]:
    """The status of an answer, and how many seconds it took."""
    begin = time.monotonic()
    return ask_once().status, time.monotonic() - begin


def all_at_once(ask_once: Callable[[], Answer], times: int) -> list[tuple[int, float]]:
    """Status and seconds of so many requests that are sent together."""
    with ThreadPoolExecutor(times) as people:
        return list(people.map(lambda _: timed(ask_once), range(times)))


def test_pages_are_refused_in_time_health_says_why_and_all_is_well_again(platform: Platform) -> None:
    visitor = Browser(platform.web.port)
    signed_up = visitor.send("/signup", name="Ada", email="ada@example.com", password="correct horse battery")
    assert signed_up.status == 302, signed_up
    pages, health = (partial(visitor.get, path) for path in ("/orgs", "/healthz"))
    # Each thread of the server has a connection to the database by then.
    assert {status for status, _ in all_at_once(pages, 3 * THREADS)} == {200}
    assert timed(health)[0] == 200

    with frozen(platform.postgresql), ThreadPoolExecutor(1) as beside:
        refused = beside.submit(all_at_once, pages, 3 * THREADS)
        time.sleep(0.5)
        ill = [timed(health) for _ in range(3)]
        late = timed(pages)

    for status, seconds in [*refused.result(), late]:
        assert status == 503
        assert seconds < PAGE_SECONDS
    for status, seconds in ill:
        assert status == 503
        assert seconds < HEALTH_SECONDS
    print(f"refused after {max(s for _, s in refused.result()):.1f} s, health after {max(s for _, s in ill):.1f} s")
    until(lambda: health().status == 200)
    assert timed(pages)[0] == 200


def test_a_statement_of_a_page_ends_after_seconds_and_one_of_a_worker_when_it_is_done(platform: Platform) -> None:
    slow = text("SELECT pg_sleep(6)")
    for patience, refused in ((OF_A_REQUEST, True), (OF_WORK, False)):
        app = flask.Flask("test")
        attach(app, platform.settings, patience)
        outcome = pytest.raises(OperationalError, match="statement timeout") if refused else nullcontext()
        with app.app_context(), outcome:
            db.session.execute(slow)


def test_a_connection_given_up_is_not_used_again(platform: Platform) -> None:
    app = flask.Flask("test")
    attach(app, platform.settings, Patience(connect=2, statement=None, answer=1))
    with app.app_context():
        with pytest.raises(OperationalError, match="no answer"):
            db.session.execute(text("SELECT pg_sleep(3)"))
        db.session.rollback()
        assert db.session.execute(text("SELECT 7")).scalar_one() == 7
