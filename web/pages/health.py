"""Whether database and broker answer."""

from flask import Blueprint, current_app, jsonify
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from models.database import db
from web.access import Answer, Open, needs

bp = Blueprint("health", __name__)
PATIENCE_SECONDS = 1


@bp.get("/healthz")
@needs(Open.TO_ANYONE)
def check() -> Answer:
    """200 when both answer, else 503 and which."""
    found = {"database": _database(), "broker": _broker(current_app.config["REDIS_URL"])}
    response = jsonify({name: "ok" if well else "does not answer" for name, well in found.items()})
    response.status_code = 200 if all(found.values()) else 503
    return response


def _database() -> bool:
    try:
        db.session.execute(text("SELECT 1"))
    except SQLAlchemyError:
        db.session.rollback()
        return False
    return True


def _broker(url: str) -> bool:
    client = Redis.from_url(url, socket_timeout=PATIENCE_SECONDS, socket_connect_timeout=PATIENCE_SECONDS)
    try:
        return bool(client.ping())
    except (RedisError, OSError):
        return False
    finally:
        client.close()
