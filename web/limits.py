"""How often one may try to sign in; counted in Redis, in memory while Redis is down."""

from flask import Flask, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

# Of one account, whoever tries: slow enough against guessing, quick enough for a person who mistypes.
SIGN_INS = "10 per 5 minutes"
# From one address, for whatever account.
SIGN_UPS = "60 per 5 minutes"

limiter = Limiter(key_func=get_remote_address, in_memory_fallback_enabled=True, swallow_errors=True)


def per_email() -> str:
    """The account that someone tries to enter."""
    return "sign-in " + request.form.get("email", "").strip().lower()[:254]


def install(app: Flask, redis_url: str) -> None:
    """Count in Redis, which all web processes share."""
    app.config["RATELIMIT_STORAGE_URI"] = redis_url
    app.config["RATELIMIT_STORAGE_OPTIONS"] = {"socket_connect_timeout": 0.5, "socket_timeout": 0.5}
    limiter.init_app(app)
