"""The cookie of a session: signed by Flask, it says whose it is and bears the token of its forms."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from flask import Flask, Request, Response, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from itsdangerous import BadSignature, URLSafeTimedSerializer

from models.people.standing import Person
from models.settings import Settings
from web import form_token

# Where a session keeps whose it is.
PERSON = "_user_id"
KEPT_MOST = 10_000
# As much as browsers keep (RFC 6265, section 6.1).
COOKIE_MOST = 4096


class Sessions(SecureCookieSessionInterface):
    """Flask's own, with a signer for the whole process, which remembers the signatures that it found right.

    Flask makes a signer for every request, and the same browser brings the same cookie with each.
    """

    def __init__(self, app: Flask) -> None:
        signer = super().get_signing_serializer(app)
        assert signer is not None, "without a key to sign with there are no sessions"
        self._signer = signer
        self._verified = lru_cache(maxsize=KEPT_MOST)(self._verify)

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer:  # noqa: ARG002 (Flask's signature)
        """Returns the signer."""
        return self._signer

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession:
        """Reads the session from its cookie; begins one where the cookie is missing, forged or too old."""
        cookie = request.cookies.get(self.get_cookie_name(app))
        if cookie and len(cookie) <= COOKIE_MOST:
            try:
                payload, content, signed_at = self._verified(cookie)
                if timedelta(0) <= datetime.now(UTC) - signed_at <= app.permanent_session_lifetime:
                    return self.session_class(self._signer.load_payload(payload) if content is None else content)
            except BadSignature:
                pass
        return self.session_class()

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Writes the cookie where the session has changed, and says which answers depend on it."""
        if session.modified:
            super().save_session(app, session, response)
        elif session.accessed:
            response.headers["Vary"] = f"{response.headers['Vary']}, Cookie"

    def _verify(self, cookie: str) -> tuple[bytes, dict[str, Any] | None, datetime]:
        """Returns what was signed, what it says, and when. Raises BadSignature.

        What it says is None where something of it can change under the hands of a request, and so of the next one.
        """
        signer: Any = self._signer.make_signer(self.salt)
        payload, signed_at = signer.unsign(cookie, return_timestamp=True)
        content: dict[str, Any] = self._signer.load_payload(payload)
        is_plain = all(isinstance(each, str | int) for each in content.values())
        return payload, content if is_plain else None, signed_at


def attach(app: Flask, _settings: Settings) -> None:
    """Let `app` keep sessions so."""
    app.session_interface = Sessions(app)


def begin(person: Person) -> None:
    """Begins a session, without anything that an attacker may have planted in the one before."""
    session.clear()
    session.permanent = True
    session[PERSON] = person.in_cookie
    # Made now: if the first page made it, every page until then would sign the cookie again.
    form_token.begin(person.id)


def whose() -> str | None:
    """Returns what the session says of whose it is: worthless once the password has changed."""
    found: str | None = session.get(PERSON)
    return found


def end() -> None:
    """Ends the session in this browser."""
    session.clear()
