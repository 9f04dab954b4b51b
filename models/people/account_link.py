"""Links for one account, one purpose and one use: a forgotten password, the proof of an address."""

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


class Purpose(StrEnum):
    """What a link is good for."""

    RESET = "reset"
    VERIFY = "verify"


VALID_FOR = {Purpose.RESET: timedelta(hours=1), Purpose.VERIFY: timedelta(days=3)}


class Found(NamedTuple):
    """Whose link it is, and the address that it was mailed to; empty where an operator made it."""

    user_id: int
    email: str


def make_link(user: User, purpose: Purpose, now: datetime, mailed: bool = True) -> str:
    """Returns the token of a new link; earlier ones of this purpose stay good until one of them is used."""
    token = secrets.token_urlsafe(32)
    values = {"user": user.id, "purpose": purpose, "email": user.email if mailed else ""}
    expires = {"hash": _digest(token), "expires": now + VALID_FOR[purpose]}
    db.session.execute(MAKE, {**values, **expires})
    return token


def look_at_link(token: str, purpose: Purpose, now: datetime) -> User:
    """Returns whose link it is, and leaves it as it is. Raises NotFound."""
    row = db.session.execute(LOOK, {"hash": _digest(token), "purpose": purpose, "now": now}).one_or_none()
    return _owner(Found(*row) if row else None)


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
    db.session.execute(CLOSE, {"user": user.id, "purpose": Purpose.RESET, "now": now})
    return user


def verify_email(token: str, now: datetime) -> User:
    """Take the link as proof of the account's address. Raises NotFound."""
    user = _owner(_use(token, Purpose.VERIFY, now))
    user.verified_at = now
    return user


def _use(token: str, purpose: Purpose, now: datetime) -> Found | None:
    # One statement, so that of two who use it at once one finds it.
    row = db.session.execute(USE, {"hash": _digest(token), "purpose": purpose, "now": now}).one_or_none()
    return Found(*row) if row else None


def _owner(found: Found | None) -> User:
    user = find_user(found.user_id) if found else None
    if found is None or user is None or found.email not in ("", user.email):
        raise NotFound(GONE)
    return user


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


MAKE = text("""
    INSERT INTO account_links (user_id, purpose, email, token_hash, expires_at)
    VALUES (:user, :purpose, :email, :hash, :expires)
""")
OPEN = "token_hash = :hash AND purpose = :purpose AND used_at IS NULL AND expires_at > :now"
LOOK = text(f"SELECT user_id, email FROM account_links WHERE {OPEN}")
USE = text(f"UPDATE account_links SET used_at = :now WHERE {OPEN} RETURNING user_id, email")
CLOSE = text("UPDATE account_links SET used_at = :now WHERE user_id = :user AND purpose = :purpose AND used_at IS NULL")
