"""Hashing passwords, which is slow on purpose: one at a time, so that crowds leave threads for pages."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from models.errors import TooManyAttempts

PASSWORD_MOST = 256
HASHER = PasswordHasher()
# Verified when the email is unknown, so that the answer takes as long as for a wrong password.
NOBODY = HASHER.hash("nobody has this password")
# A hash keeps four threads of the processor busy, so a second one beside it would only slow both.
AT_ONCE = 1
# Of a process's eight threads for requests, so many may hash or wait for their turn; the others go on serving pages.
PLACES = 3
WAIT_SECONDS = 2.0
BUSY = "Too many people are signing in just now. Wait a moment, then try again."

_places, _turns = BoundedSemaphore(PLACES), BoundedSemaphore(AT_ONCE)


def hashed(password: str) -> str:
    """Returns what is stored of a password. Raises TooManyAttempts when too many others are being hashed."""
    with turn():
        return HASHER.hash(password)


def verified(stored: str, password: str) -> bool:
    """Whether the password is the one stored. Raises TooManyAttempts when too many others are being hashed."""
    with turn():
        try:
            # No account has a longer one, and hashing it would take as long as whoever sent it likes.
            return HASHER.verify(stored, password if len(password) <= PASSWORD_MOST else "")
        except (VerificationError, InvalidHashError):
            return False


@contextmanager
def turn() -> Iterator[None]:
    """Take one's turn at hashing. Raises TooManyAttempts when the places are taken or the wait is too long."""
    if not _places.acquire(blocking=False):
        raise TooManyAttempts(BUSY, seconds=2)
    try:
        if not _turns.acquire(timeout=WAIT_SECONDS):
            raise TooManyAttempts(BUSY, seconds=2)
        try:
            yield
        finally:
            _turns.release()
    finally:
        _places.release()
