"""The cookie of a session: signed by Flask, it says whose it is and bears the token of its forms."""

from flask import Flask, session
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import URLSafeTimedSerializer

from models.people.standing import Person
from models.settings import Settings

# Where a session keeps whose it is.
PERSON = "_user_id"


class Sessions(SecureCookieSessionInterface):
    """Flask's own, with a signer for the whole process: Flask makes one for every request."""

    def __init__(self, app: Flask) -> None:
        self._signer = super().get_signing_serializer(app)

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:  # noqa: ARG002 (Flask's signature)
        """Returns the signer."""
        return self._signer


def attach(app: Flask, _settings: Settings) -> None:
    """Let `app` keep sessions so."""
    app.session_interface = Sessions(app)


def begin(person: Person) -> None:
    """Begins a session, without anything that an attacker may have planted in the one before."""
    session.clear()
    session.permanent = True
    session[PERSON] = person.in_cookie


def whose() -> str | None:
    """Returns what the session says of whose it is: worthless once the password has changed."""
    found: str | None = session.get(PERSON)
    return found


def end() -> None:
    """Ends the session in this browser."""
    session.clear()
