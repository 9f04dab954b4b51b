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


# What the database is asked beside whether it answers: one after the other, on one connection.
STATES = {"engine": waiting.STATE, "log": seal.STATE, "anchors": anchor.STATE}
Answers = dict[str, str]


class Probe:
    """Asks something in a thread of its own, so that whoever wants to know may stop waiting."""

    def __init__(self, question: Callable[[], Answers]) -> None:
        self._question = question
        self._thread = ThreadPoolExecutor(1, "probe")
        self._asked: Future[Answers] | None = None
        self._lock = Lock()

    def ask(self) -> Future[Answers]:
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
        ("database",): Probe(lambda: {"database": _one(engine, "SELECT 'ok'") or ILL}),
        ("broker",): Probe(lambda: {"broker": _broker_answers(app.config["REDIS_URL"])}),
        tuple(STATES): Probe(lambda: {name: _one(engine, state) or UNKNOWN for name, state in STATES.items()}),
    }


@bp.get("/healthz")
@needs(Open.TO_ANYONE)
def check() -> Answer:
    """200 when database and broker answer, else 503 and which; within three seconds, whatever hangs.

    What the worker last said of the engine is told too, but pages need no engine: it changes no status. Nor does a log
    that is not sealed any further, or whose checkpoints get to no place outside, each told when it is so.
    """
    asked = {names: probe.ask() for names, probe in current_app.extensions[PROBES].items()}
    end = time.monotonic() + PATIENCE_SECONDS
    found: Answers = {}
    for names, answer in asked.items():
        found |= _in_time(names, answer, end)
    found = {name: how for name, how in found.items() if name not in ("log", "anchors") or how == DEGRADED}
    response = jsonify(found)
    response.status_code = 200 if found["database"] == found["broker"] == WELL else 503
    return response


def _in_time(names: tuple[str, ...], answer: Future[Answers], end: float) -> Answers:
    try:
        return answer.result(max(0, end - time.monotonic()))
    except TimeoutError:
        return dict.fromkeys(names, ILL)


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
