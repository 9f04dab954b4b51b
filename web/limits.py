"""Limits on sign-in attempts: counted in Redis for all web processes, and in each one's memory while Redis is down."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Flask, abort, current_app, request
from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

log = logging.getLogger(__name__)
# Attempts on one account, whoever makes them: too few for guessing, enough for a person who mistypes.
OF_AN_ACCOUNT = parse("10 per 5 minutes")
# Attempts from one address, on whatever account.
OF_AN_ADDRESS = parse("60 per 5 minutes")
PATIENCE_SECONDS = 0.5
EXTENSION = "limits"


class Limits:
    """Counts attempts; `hit` says whether one was too many."""

    def __init__(self, redis_url: str) -> None:
        storage = storage_from_string(
            redis_url, wrap_exceptions=True, socket_connect_timeout=PATIENCE_SECONDS, socket_timeout=PATIENCE_SECONDS
        )
        self._shared = FixedWindowRateLimiter(storage)
        self._own = FixedWindowRateLimiter(MemoryStorage())

    def hit(self, limit: RateLimitItem, key: str) -> bool:
        """Count one attempt; False when it is one too many."""
        try:
            return self._shared.hit(limit, key)
        except StorageError as error:
            log.warning("attempts are counted in this process alone: %s", error)
            return self._own.hit(limit, key)


def install(app: Flask, redis_url: str) -> None:
    """Give `app` the counters that `limited` asks."""
    app.extensions[EXTENSION] = Limits(redis_url)


def limited(limit: RateLimitItem, key: Callable[[], str]) -> Callable[[Any], Any]:
    """Answer 429 to a form that was sent too often under one key."""

    def guard(view: Any) -> Any:
        @wraps(view)
        def counted(**address: Any) -> Any:
            if request.method == "POST" and not current_app.extensions[EXTENSION].hit(limit, key()):
                abort(429)
            return view(**address)

        return counted

    return guard


def by_account() -> str:
    """A key for the account that someone tries to sign in to."""
    return "account " + request.form.get("email", "").strip().lower()[:254]


def by_address() -> str:
    """A key for the address that the request comes from."""
    return f"address {request.remote_addr}"
