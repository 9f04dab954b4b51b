"""The token of a form, which shows that the form is from one of our pages and was opened in the session that sends it.

Without one that holds, nothing is changed: views show the form again (`web.forms.Form`) with what was typed and a fresh
token, and whatever would still be committed is refused. What was typed comes from the request and is kept nowhere else.
It is shown again to the person who opened the form, never to another account, and never when the browser says that a
page of another site has sent it: else that site could fill in a form that only needs one more press of a button.

Pages are compressed, so a token that stayed the same could be guessed letter by letter from their lengths: each answer
bears it under a mask of its own (`masked`).
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from hashlib import shake_128
from secrets import token_bytes, token_hex
from urllib.parse import urlsplit

from flask import Flask, current_app, g, has_request_context, request, session
from flask_wtf.csrf import CSRFError, CSRFProtect
from itsdangerous import BadData, URLSafeTimedSerializer
from sqlalchemy import event
from sqlalchemy.orm import Session

from models.settings import Settings

FIELD = "csrf_token"
# Flask-WTF's own.
SALT = "wtf-csrf-token"
MASK_BYTES = 16
# What a browser says of who sends a request: a page of ours, or the person.
FROM_US = ("same-origin", "none")
SEND_AGAIN = "Nothing was changed yet: you signed in or out after this form was opened. Check it and send it again."
RELOAD = "This form belongs to an earlier session, and nothing was changed. Reload the page and send it again."
OF_ANOTHER = "This form was opened by another account, and nothing was changed. Reload the page to go on as yourself."


class Protection(CSRFProtect):
    """Flask-WTF's own, for tokens under a mask."""

    def _get_csrf_token(self) -> str:
        return unmasked(super()._get_csrf_token() or "")


PROTECT = Protection()


def attach(app: Flask, _: Settings) -> None:
    """Let `web.access.needs` check every form, once it is known who asks."""
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False
    # A page left open overnight still sends its form; the token lives as long as the session.
    app.config["WTF_CSRF_TIME_LIMIT"] = None
    PROTECT.init_app(app)


def begin(person_id: int) -> None:
    """Gives a new session its token, which says whose it is."""
    session[FIELD] = f"{token_hex(20)}.{person_id}"
    g.pop(FIELD, None)


def masked(token: str) -> str:
    """Returns the token as this answer bears it: each answer mixes it with other bytes, and names them."""
    mask: bytes | None = g.get("mask")
    if mask is None:
        mask = g.mask = token_bytes(MASK_BYTES)
    return urlsafe_b64encode(mask + _mixed(token.encode(), mask)).decode()


def unmasked(sent: str) -> str:
    """Returns the token that a form has sent back; what never was under a mask comes back as it is."""
    if "." in sent:  # which signed tokens have, and base64 has not
        return sent
    try:
        mixed = urlsafe_b64decode(sent.encode())
        return _mixed(mixed[MASK_BYTES:], mixed[:MASK_BYTES]).decode()
    except (Error, ValueError):
        return sent


def check(person_id: int | None) -> None:
    """Looks at the token of what was sent. Raises CSRFError where not even the form may be shown again."""
    try:
        PROTECT.protect()
    except CSRFError:
        token = unmasked(request.form.get(FIELD, ""))
        if is_from_elsewhere() or _holds(token):
            raise CSRFError(RELOAD) from None
        if person_id is not None and _opened_by(token) not in ("", str(person_id)):
            raise CSRFError(OF_ANOTHER) from None
        g.form_token_refused = True


def is_refused() -> bool:
    """Whether the token of what was sent does not hold."""
    return has_request_context() and bool(g.get("form_token_refused"))


def require() -> None:
    """Raises CSRFError unless the token holds: for buttons, which have nothing to show again."""
    if is_refused():
        raise CSRFError(RELOAD)


@event.listens_for(Session, "before_commit")
def refuse_to_commit(_: Session) -> None:
    """Whatever a view forgets: without a token that holds nothing is changed. Hooks may refuse, never act."""
    require()


def is_from_elsewhere() -> bool:
    """Whether the browser says that it was not a page of ours that sent this.

    Every browser of today says so for a form, in one header or both; the first is left out without TLS.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site not in FROM_US
    origin = request.headers.get("Origin")
    try:
        return origin is not None and urlsplit(origin).netloc != request.host
    except ValueError:
        return True


def _mixed(content: bytes, mask: bytes) -> bytes:
    """Mixes bytes with those that follow from a mask; doing it twice undoes it."""
    size = len(content)
    stream = shake_128(mask).digest(size)
    return (int.from_bytes(content, "big") ^ int.from_bytes(stream, "big")).to_bytes(size, "big")


def _holds(token: str) -> bool:
    """Whether the token itself is right, and something else was wrong that a fresh one would not mend."""
    return FIELD in session and _read(token) == session[FIELD]


def _opened_by(token: str) -> str:
    """Returns the id of whose page bore the form; empty for one of nobody's, and when it cannot be told.

    It cannot when the key that signed it is gone: what was typed then goes back to the browser that sent it.
    """
    return _read(token).partition(".")[2]


def _read(token: str) -> str:
    try:
        return str(URLSafeTimedSerializer(current_app.secret_key or "", salt=SALT).loads(token))
    except BadData:
        return ""
