"""Whether database and broker answer, and how the engine is."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock

import psycopg
from flask import Blueprint, Flask, current_app, jsonify
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from models.database import READING, db
from models.jobs import anchor, waiting
from models.log import seal
from models.settings import Settings
from web import broker
from web.access import Answer, Open, needs

bp = Blueprint("health", __name__)
PATIENCE_SECONDS = 1.5
BROKER_SECONDS = 1
PROBES = "probes"
WELL, ILL, UNKNOWN, DEGRADED = "ok", "does not answer", "unknown", "degraded"


class Probe:
    """Asks something in a thread of its own, so that whoever wants to know may stop waiting."""

    def __init__(self, question: Callable[[], str]) -> None:
        self._question = question
        self._thread = ThreadPoolExecutor(1, "probe")
        self._asked: Future[str] | None = None
        self._lock = Lock()

    def ask(self) -> Future[str]:
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
        "engine": Probe(lambda: _one(engine, waiting.STATE) or UNKNOWN),
        "log": Probe(lambda: _one(engine, seal.STATE) or UNKNOWN),
        "anchors": Probe(lambda: _one(engine, anchor.STATE) or UNKNOWN),
    }


@bp.get("/healthz")
@needs(Open.TO_ANYONE)
def check() -> Answer:
    """200 when database and broker answer, else 503 and which; within three seconds, whatever hangs.

    What the worker last said of the engine is told too, but pages need no engine: it changes no status. Nor does a log
    that is not sealed any further, or whose checkpoints get to no place outside, each told when it is so.
    """
    asked = {name: probe.ask() for name, probe in current_app.extensions[PROBES].items()}
    end = time.monotonic() + PATIENCE_SECONDS
    found = {name: _in_time(answer, end) for name, answer in asked.items()}
    found = {name: how for name, how in found.items() if name not in ("log", "anchors") or how == DEGRADED}
    response = jsonify(found)
    response.status_code = 200 if found["database"] == found["broker"] == WELL else 503
    return response


def _in_time(answer: Future[str], end: float) -> str:
    try:
        return answer.result(max(0, end - time.monotonic()))
    except TimeoutError:
        return ILL


def _database_answers(engine: Engine) -> str:
    return _one(engine, "SELECT 'ok'") or ILL


def _one(engine: Engine, question: str) -> str | None:
    try:
        connection = engine.raw_connection()
        try:
            found = connection.driver_connection.execute(question).fetchone()  # type: ignore[union-attr]
        finally:
            connection.close()
    except (SQLAlchemyError, psycopg.Error):
        return None
    return str(found[0])


def _broker_answers(url: str) -> str:
    return WELL if broker.refusal(url, BROKER_SECONDS) is None else ILL
