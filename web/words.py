"""How times, money and names are written on a page."""

from datetime import UTC, date, datetime
from functools import lru_cache
from time import time
from zoneinfo import ZoneInfo

from flask import Flask, g, request
from flask.globals import request_ctx
from werkzeug.sansio.utils import get_current_url

from models.billing import amounts
from models.hold import WHILE_SUSPENDED
from models.jobs.deployment import short
from models.kinds.catalogue import BY_NOUN, KINDS, plurals
from models.kinds.references import listed_names
from models.settings import Settings

ZONES_MOST = 64
ZONE_MOST = 100
ADDRESSES_MOST = 1000
DAYS_MOST = 10_000


def zone() -> ZoneInfo:
    """Returns the reader's time zone, from the cookie that static/js/times.js sets; UTC without it."""
    found: ZoneInfo | None = g.get("zone")
    if found is None:
        given = request.cookies.get("tz", "UTC")
        found = g.zone = _zone(given if len(given) <= ZONE_MOST else "UTC")
    return found


def zone_name() -> str:
    """Returns the name of the reader's time zone, to label a local time with."""
    return zone().key


def zone_now() -> str:
    """Returns the reader's zone and how far it is from UTC today: "Asia/Tokyo, UTC+09:00"."""
    name = zone_name()
    return name if name == "UTC" else f"{name}, UTC{_from_utc_now()}"


def today() -> date:
    """Returns the day it is for the reader."""
    return datetime.now(zone()).date()


def when(moment: datetime) -> str:
    """ "24 Nov 2026, 10:41:07" in the reader's zone; with " +02:00" where that is not as far from UTC as today."""
    local = moment.astimezone(zone())
    distance = from_utc(local)
    return f"{local.day} {local:%b %Y, %H:%M:%S}{'' if distance == _from_utc_now() else f' {distance}'}"


def from_utc(local: datetime) -> str:
    """ "+02:00": how far a local time is ahead of UTC."""
    return local.isoformat(timespec="minutes")[len("2026-11-24T10:41") :]


def foreseen(moment: datetime) -> str:
    """ "27 Nov 2026, about 10:41" in the reader's zone: of what is to come, nobody knows the second."""
    local = moment.astimezone(zone())
    return f"{local.day} {local:%b %Y, about %H:%M}"


def day(moment: datetime) -> str:
    """ "Tuesday, 24 November 2026"; of a moment, its day in the reader's zone."""
    local = moment.astimezone(zone()) if isinstance(moment, datetime) else moment
    return _day(local)


def utc(moment: datetime) -> str:
    """ "2026-11-24 09:41:07.120394 UTC": as exactly as the log keeps it."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC"


def to_the_second(moment: datetime) -> str:
    """ "2026-11-24 09:41:07 UTC"."""
    return f"{moment.astimezone(UTC).isoformat(' ', 'seconds').removesuffix('+00:00')} UTC"


def utc_now() -> str:
    """When a page is made, as its print says it."""
    return _second(int(time()))


def address_here() -> str:
    """Returns the whole address of the page, as its print says it."""
    asked = request_ctx.request  # looked up once for all five
    return _address(asked.scheme, asked.host, asked.root_path, asked.path, asked.query_string)


def iso(moment: datetime) -> str:
    """Returns the value of `<time datetime>`: in UTC, to the microsecond, as the log keeps it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def plural(noun: str, count: object = None) -> str:
    """Returns the noun for that many things: "entry" for 1, "entries" for any other count and where none is given."""
    if count == 1:
        return noun
    if noun in BY_NOUN:
        return BY_NOUN[noun].plural
    return f"{noun.removesuffix('y')}ies" if noun.endswith("y") else f"{noun}s"


def a(noun: str) -> str:
    """ "an admin", "a member"."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def about(minutes: int) -> str:
    """ "6 minutes", "3 hours", "12 days", "4 years": as exactly as anyone can foresee it."""
    for unit, most, size in (("minute", 120, 1), ("hour", 48 * 60, 60), ("day", 730 * 1440, 1440)):
        if minutes < most:
            count = minutes // size
            return f"{count:,} {unit}{'' if count == 1 else 's'}"
    return f"{minutes // (365 * 1440):,} years"


def lasting(minutes: int) -> str:
    """ "Runs out in about 6 minutes"; of a balance with nothing left, that."""
    return f"Runs out in about {about(minutes)}" if minutes else "Nothing is left"


def initials(name: str) -> str:
    """ "Ada Lovelace" -> "AL"."""
    words = name.split()
    return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words[:1])).upper()


def attach(app: Flask, _: Settings) -> None:
    """Makes these functions filters of the templates, and the kinds known to them."""
    filters = {
        "when": when,
        "foreseen": foreseen,
        "day": day,
        "utc": utc,
        "iso": iso,
        "money": amounts.shown,
        "price": amounts.shown_finely,
        "about": about,
        "lasting": lasting,
        "initials": initials,
        "listed": listed_names,
        "plurals": plurals,
        "digest": short,
    }
    app.jinja_env.filters.update(filters)
    app.jinja_env.globals.update(zone_name=zone_name, zone_now=zone_now, plural=plural, utc_now=utc_now)
    app.jinja_env.globals.update(address_here=address_here)
    app.jinja_env.globals.update(KINDS=KINDS, WHILE_SUSPENDED=WHILE_SUSPENDED)


def _from_utc_now() -> str:
    """How far the reader's zone is from UTC today; looked at once a page."""
    found: str | None = g.get("from_utc_now")
    if found is None:
        found = g.from_utc_now = from_utc(datetime.now(zone()))
    return found


@lru_cache(maxsize=DAYS_MOST)
def _day(local: date) -> str:
    return f"{local:%A}, {local.day} {local:%B %Y}"


@lru_cache(maxsize=1)
def _second(of_unix: int) -> str:
    return to_the_second(datetime.fromtimestamp(of_unix, UTC))


@lru_cache(maxsize=ADDRESSES_MOST)
def _address(scheme: str, host: str, root: str, path: str, query: bytes) -> str:
    return get_current_url(scheme, host, root, path, query)


@lru_cache(maxsize=ZONES_MOST)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        # The cookie may say anything.
        return ZoneInfo("UTC")
