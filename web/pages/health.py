"""Whether database and broker answer."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock

import psycopg
from flask import Blueprint, Flask, current_app, jsonify
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from models.database import READING, db
from models.settings import Settings
from web.access import Answer, Open, needs

bp = Blueprint("health", __name__)
PATIENCE_SECONDS = 1.5
BROKER_SECONDS = 1
PROBES = "probes"


class Probe:
    """Asks something in a thread of its own, so that whoever wants to know may stop waiting."""

    def __init__(self, question: Callable[[], bool]) -> None:
        self._question = question
        self._thread = ThreadPoolExecutor(1, "probe")
        self._asked: Future[bool] | None = None
        self._lock = Lock()

    def ask(self) -> Future[bool]:
        """The answer to come: that of a question under way, if there is one."""
        with self._lock:
            if self._asked is None or self._asked.done():
                self._asked = self._thread.submit(self._question)
            return self._asked


def attach(app: Flask, _: Settings) -> None:
    """Give `app` its probes."""
    with app.app_context():
        engine = db.engines[READING]
    app.extensions[PROBES] = {
        "database": Probe(lambda: _database_answers(engine)),
        "broker": Probe(lambda: _broker_answers(app.config["REDIS_URL"])),
    }


@bp.get("/healthz")
@needs(Open.TO_ANYONE)
def check() -> Answer:
    """200 when both answer, else 503 and which; within three seconds, whatever hangs."""
    asked = {name: probe.ask() for name, probe in current_app.extensions[PROBES].items()}
    found = {name: _in_time(answer) for name, answer in asked.items()}
    response = jsonify({name: "ok" if well else "does not answer" for name, well in found.items()})
    response.status_code = 200 if all(found.values()) else 503
    return response


def _in_time(answer: Future[bool]) -> bool:
    try:
        return answer.result(PATIENCE_SECONDS)
    except TimeoutError:
        return False


def _database_answers(engine: Engine) -> bool:
    try:
        connection = engine.raw_connection()
        try:
            connection.driver_connection.execute("SELECT 1")  # type: ignore[union-attr]
        finally:
            connection.close()
    except (SQLAlchemyError, psycopg.Error):
        return False
    return True


def _broker_answers(url: str) -> bool:
    client = Redis.from_url(url, socket_timeout=BROKER_SECONDS, socket_connect_timeout=BROKER_SECONDS)
    try:
        # One that refuses to write, on a full disk or out of memory, takes no hints.
        return bool(client.set("health", 1, ex=60))
    except (RedisError, OSError):
        return False
    finally:
        client.close()
