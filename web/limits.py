"""How often one may try to sign in; counted in Redis for all web processes, in memory while Redis is down."""

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
# Of one account, whoever tries: slow enough against guessing, quick enough for a person who mistypes.
OF_AN_ACCOUNT = parse("10 per 5 minutes")
# From one address, for whatever account.
OF_AN_ADDRESS = parse("60 per 5 minutes")
PATIENCE_SECONDS = 0.5
EXTENSION = "limits"


class Limits:
    """Counts attempts; an attempt too many is told by `hit`."""

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
    """Let the views of `app` be limited."""
    app.extensions[EXTENSION] = Limits(redis_url)


def limited(limit: RateLimitItem, key: Callable[[], str]) -> Callable[[Any], Any]:
    """Refuse a form (429) that was sent too often under the same key."""

    def guard(view: Any) -> Any:
        @wraps(view)
        def counted(**address: Any) -> Any:
            if request.method == "POST" and not current_app.extensions[EXTENSION].hit(limit, key()):
                abort(429)
            return view(**address)

        return counted

    return guard


def by_account() -> str:
    """The account that someone tries to enter."""
    return "account " + request.form.get("email", "").strip().lower()[:254]


def by_address() -> str:
    """Where the request comes from."""
    return f"address {request.remote_addr}"
