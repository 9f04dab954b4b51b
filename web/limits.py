"""Limits on attempts: counted in Redis for all web processes, and in each one's memory while Redis is down.

Nobody is locked out by what others try. Who repeats wrong passwords waits longer and longer, and the wait is theirs: a
browser or an address that has signed in to the account before is counted apart from strangers. What strangers try is
counted by account and address, with more patience by the account alone, for guesses that come from many addresses.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from ipaddress import IPv6Address, ip_address
from time import time
from typing import NamedTuple, TypeVar

from flask import Flask, current_app, request
from limits.errors import StorageError
from limits.storage import MemoryStorage, Storage, storage_from_string

from models.errors import TooManyAttempts
from models.people.user import EMAIL_MOST
from models.settings import Settings
from web import devices

log = logging.getLogger(__name__)
PATIENCE_SECONDS = 0.5
EXTENSION = "limits"
COUNTED_SECONDS = 3600
KNOWN_SECONDS = 30 * 24 * 3600
Found = TypeVar("Found")


class Allowance(NamedTuple):
    """How many attempts of an hour are free, and how long the wait grows after each one beyond them."""

    free: int
    wait_most: int

    def wait(self, attempt: int) -> int:
        """Returns the seconds to wait after an attempt, twice as many after each."""
        beyond = attempt - self.free
        return min(2 ** min(beyond, 20), self.wait_most) if beyond > 0 else 0


# Someone who mistypes notices nothing; someone who guesses has some 20 attempts an hour.
OF_ONE = Allowance(free=5, wait_most=300)
# On one account, by addresses that never signed in to it, all together. The wait stays short: it also holds up the
# owner, if they come from a new place with a new browser.
OF_STRANGERS = Allowance(free=30, wait_most=60)
# From one address, on whatever account: a whole office may sit behind it.
OF_AN_ADDRESS = Allowance(free=300, wait_most=60)


class Count(NamedTuple):
    """What attempts are counted under, and how many are free."""

    key: str
    allowance: Allowance


class Limits:
    """Counts attempts in Redis, or in memory while Redis is down."""

    def __init__(self, redis_url: str) -> None:
        self._shared = storage_from_string(
            redis_url, wrap_exceptions=True, socket_connect_timeout=PATIENCE_SECONDS, socket_timeout=PATIENCE_SECONDS
        )
        self._own = MemoryStorage()

    def attempt(self, counts: Sequence[Count]) -> None:
        """Count an attempt, before it is known how it ends. Raises TooManyAttempts while a wait goes on."""
        if seconds := self._with(lambda storage: max(_remaining(storage, each) for each in counts)):
            raise _too_many(seconds)
        for each in counts:
            if seconds := self._with(partial(_counted, count=each)):
                raise _too_many(seconds)

    def forget(self, counts: Sequence[Count]) -> None:
        """Count from nothing again, since the last attempt was right."""
        for each in counts:
            self._with(partial(_forgotten, count=each))

    def remember(self, key: str) -> None:
        """Know a key for the next month."""
        self._with(lambda storage: storage.incr(f"known {key}", KNOWN_SECONDS))

    def knows(self, key: str) -> bool:
        """Whether a key was remembered in the last month."""
        return self._with(lambda storage: storage.get(f"known {key}")) > 0

    def _with(self, work: Callable[[Storage], Found]) -> Found:
        try:
            return work(self._shared)  # type: ignore[arg-type]
        except StorageError as error:
            log.warning("attempts are counted in this process alone: %s", error)
            return work(self._own)


def attach(app: Flask, settings: Settings) -> None:
    """Give `app` the counters."""
    app.extensions[EXTENSION] = Limits(settings.redis_url)


def counters() -> Limits:
    """Returns the counters of the application."""
    found: Limits = current_app.extensions[EXTENSION]
    return found


class SignIn:
    """One attempt to sign in to an account, counted when it is made. Raises TooManyAttempts."""

    def __init__(self, email: str) -> None:
        self._account, self._address = email.strip()[:EMAIL_MOST].lower(), network(request.remote_addr)
        self._pair = f"{self._account} {self._address}"
        device = devices.known_for(self._account)
        if device:
            self._counts = [Count(f"device {device} {self._account}", OF_ONE)]
        else:
            self._counts = [Count(f"pair {self._pair}", OF_ONE)]
            if not counters().knows(self._pair):
                self._counts += [by_address(), Count(f"strangers {self._account}", OF_STRANGERS)]
        counters().attempt(self._counts)

    def succeeded(self) -> None:
        """Know browser and address of the account from now on, and forget what was mistyped before."""
        counters().forget([each for each in self._counts if each.allowance is OF_ONE])
        counters().remember(self._pair)
        devices.remember(self._account)


def by_address() -> Count:
    """Attempts that come from one address."""
    return Count(f"address {network(request.remote_addr)}", OF_AN_ADDRESS)


def passwords_of(user_id: int) -> Count:
    """Attempts of someone signed in at their own password."""
    return Count(f"password {user_id}", OF_ONE)


def mails_of(user_id: int) -> Count:
    """Mails that someone signed in has sent, to their own address or to one that they give as theirs."""
    return Count(f"mails {user_id}", OF_ONE)


def mails_to(address: str, sender: int | None = None) -> Count:
    """Mails to one address that the same person has sent, or whoever is not signed in: nobody's mailbox is flooded."""
    return Count(f"mails {sender or 'of anyone'} to {address}", OF_ONE)


def network(address: str | None) -> str:
    """Returns what one party can be expected to have of the Internet: an IPv4 address, or 64 bits of an IPv6 one."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return str(IPv6Address(int(found) >> 64 << 64))
    return str(found)


def _remaining(storage: Storage, count: Count) -> int:
    return _seconds_left(storage, f"wait {count.key}") if storage.get(f"wait {count.key}") else 0


def _counted(storage: Storage, count: Count) -> int:
    seconds = count.allowance.wait(storage.incr(f"tries {count.key}", COUNTED_SECONDS))
    # Of attempts made at the same moment, the first one starts the wait and the others find it.
    if seconds and storage.incr(f"wait {count.key}", seconds) > 1:
        return _seconds_left(storage, f"wait {count.key}")
    return 0


def _forgotten(storage: Storage, count: Count) -> None:
    storage.clear(f"tries {count.key}")
    storage.clear(f"wait {count.key}")


def _seconds_left(storage: Storage, key: str) -> int:
    return max(1, round(storage.get_expiry(key) - time()))


def _too_many(seconds: int) -> TooManyAttempts:
    unit = "second" if seconds == 1 else "seconds"
    return TooManyAttempts(f"Wait {seconds} {unit}, then try again.", seconds)
