"""Browsers that signed in to an account before, known by a signed cookie that outlives the session."""

import hashlib
import hmac
import secrets
from typing import Any

from flask import Response, after_this_request, current_app, request
from itsdangerous import BadData, URLSafeTimedSerializer

COOKIE = "activity_log_device"
KEPT_SECONDS = 365 * 24 * 3600
ACCOUNTS_MOST = 5
COOKIE_MOST = 1000


def known_for(email: str) -> str | None:
    """Returns the name of this browser if it has signed in to the account before."""
    name, accounts = _read()
    return name if name and _digest(email) in accounts else None


def remember(email: str) -> None:
    """Let the browser bring along next time that it has signed in to the account; the last few accounts are kept."""
    name, accounts = _read()
    mine = _digest(email)
    kept = [mine, *(each for each in accounts if each != mine)][:ACCOUNTS_MOST]
    written = _signer().dumps([name or secrets.token_urlsafe(9), kept])

    @after_this_request
    def keep(response: Response) -> Response:
        config = current_app.config
        response.set_cookie(
            COOKIE,
            written,
            max_age=KEPT_SECONDS,
            path="/login",
            httponly=True,
            samesite="Lax",
            secure=config["SESSION_COOKIE_SECURE"],
        )
        return response


def _read() -> tuple[str | None, list[str]]:
    given = request.cookies.get(COOKIE, "")
    if not given or len(given) > COOKIE_MOST:
        return None, []
    try:
        found: Any = _signer().loads(given, max_age=KEPT_SECONDS)
    except BadData:
        return None, []
    return str(found[0]), list(found[1])


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.secret_key, salt="device")  # type: ignore[arg-type]


def _digest(email: str) -> str:
    # Whoever reads the cookie learns no address from it.
    key = str(current_app.secret_key).encode()
    return hmac.new(key, email.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:16]
