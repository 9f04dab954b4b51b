"""Links for one account, one purpose and one use: a forgotten password, the proof of an address, or of another one."""

import hashlib
import secrets
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import text

from models.database import db
from models.errors import NotFound
from models.people.password import hashed
from models.people.user import User, checked_password, find_user

GONE = "This link has expired or was used. Ask for a new one."
NOT_YOURS = "This link has expired or was used, or another account asked for it. Sign in to that one, or ask again."


class Purpose(StrEnum):
    """What a link is good for."""

    RESET = "reset"
    VERIFY = "verify"
    EMAIL = "email"
    """Gives the account the address that the link was mailed to."""


VALID_FOR = {Purpose.RESET: timedelta(hours=1), Purpose.VERIFY: timedelta(days=3), Purpose.EMAIL: timedelta(days=1)}


class Found(NamedTuple):
    """Whose link it is, and the address that it was mailed to; empty where an operator made it."""

    user_id: int
    email: str


def make_link(user: User, purpose: Purpose, now: datetime, mailed: bool = True) -> str:
    """Returns the token of a new link; earlier ones of this purpose stay good until one of them is used."""
    return _make(user, purpose, now, user.email if mailed else "", None)


def make_address_link(user: User, email: str, now: datetime) -> str:
    """Returns the token of a link that gives the account another address, and closes earlier ones for others.

    It is worthless once the password has changed, which is what a person does whose account someone else is in.
    """
    _close(user, Purpose.EMAIL, now)
    return _make(user, Purpose.EMAIL, now, email, user.session_epoch)


def look_at_address_link(user_id: int, token: str, now: datetime) -> str:
    """Returns the address that the link gives to this account, and leaves it as it is. Raises NotFound."""
    return _address(user_id, _look(token, Purpose.EMAIL, now))


def use_address_link(user: User, token: str, now: datetime) -> str:
    """Returns the address that the link gives to this account, once. Raises NotFound."""
    return _address(user.id, _use(token, Purpose.EMAIL, now))


def look_at_link(token: str, purpose: Purpose, now: datetime) -> User:
    """Returns whose link it is, and leaves it as it is. Raises NotFound."""
    return _owner(_look(token, purpose, now))


def reset_password(token: str, new: str, now: datetime) -> User:
    """Set a password by a link, which ends every session and every link to reset it. Raises Invalid, NotFound.

    A link that was mailed has also shown that mail to the address reaches the person.
    """
    password = checked_password(new, "new")
    found = _use(token, Purpose.RESET, now)
    user = _owner(found)
    user.password_hash = hashed(password)
    user.session_epoch += 1
    if found and found.email:
        user.verified_at = now
    _close(user, Purpose.RESET, now)
    return user


def verify_email(token: str, now: datetime) -> User:
    """Take the link as proof of the account's address. Raises NotFound."""
    user = _owner(_use(token, Purpose.VERIFY, now))
    user.verified_at = now
    return user


def _make(user: User, purpose: Purpose, now: datetime, email: str, epoch: int | None) -> str:
    token = secrets.token_urlsafe(32)
    values = {"user": user.id, "purpose": purpose, "email": email, "epoch": epoch}
    expires = {"hash": _digest(token), "expires": now + VALID_FOR[purpose]}
    db.session.execute(MAKE, {**values, **expires})
    return token


def _close(user: User, purpose: Purpose, now: datetime) -> None:
    db.session.execute(CLOSE, {"user": user.id, "purpose": purpose, "now": now})


def _look(token: str, purpose: Purpose, now: datetime) -> Found | None:
    row = db.session.execute(LOOK, {"hash": _digest(token), "purpose": purpose, "now": now}).one_or_none()
    return Found(*row) if row else None


def _use(token: str, purpose: Purpose, now: datetime) -> Found | None:
    # One statement, so that of two who use it at once one finds it.
    row = db.session.execute(USE, {"hash": _digest(token), "purpose": purpose, "now": now}).one_or_none()
    return Found(*row) if row else None


def _owner(found: Found | None) -> User:
    user = find_user(found.user_id) if found else None
    if found is None or user is None or found.email not in ("", user.email):
        raise NotFound(GONE)
    return user


def _address(user_id: int, found: Found | None) -> str:
    # Whoever reads the mail need not be who asked: a link that was sent to a stranger by mistake is no use to them.
    if found is None or found.user_id != user_id:
        raise NotFound(NOT_YOURS)
    return found.email


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


MAKE = text("""
    INSERT INTO account_links (user_id, purpose, email, epoch, token_hash, expires_at)
    VALUES (:user, :purpose, :email, :epoch, :hash, :expires)
""")
OPEN = """token_hash = :hash AND purpose = :purpose AND used_at IS NULL AND expires_at > :now
   AND (epoch IS NULL OR epoch = (SELECT session_epoch FROM users WHERE users.id = user_id))"""
LOOK = text(f"SELECT user_id, email FROM account_links WHERE {OPEN}")
USE = text(f"UPDATE account_links SET used_at = :now WHERE {OPEN} RETURNING user_id, email")
CLOSE = text("UPDATE account_links SET used_at = :now WHERE user_id = :user AND purpose = :purpose AND used_at IS NULL")
