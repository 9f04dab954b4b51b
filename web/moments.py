"""Going to a moment: what a feed's address asks for, and what the page says of it."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from urllib.parse import quote

from flask import request

from models.log.moments import Moment, parse_moment
from web.words import day, from_utc, zone, zone_name

TEXT_MOST = 40
# In an address, the plus of +01:00 arrives as a blank where nobody has escaped it.
UNESCAPED = re.compile(r"(?<=:\d\d) (?=\d\d:\d\d$)", re.ASCII)
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
EXPECTED = "Write 2026-11-01 or 2026-11-01T08:00, and +01:00 behind the time if it is meant in another zone."


@dataclass(frozen=True)
class MomentShown:
    """What `activity/_moment.html` shows."""

    text: str = ""
    """What stands in the field."""
    error: str | None = None
    told: str | None = None
    """What the page begins with."""
    exact_url: str | None = None
    """The address of this moment that means the same to everyone, in whatever zone."""
    again_url: str | None = None
    """Where the moment leads if the second one is meant, in an hour that came twice."""
    again: str = ""


@dataclass(frozen=True)
class Asked:
    """What the address asks for: a moment, nothing, or a text that is no moment."""

    text: str = ""
    error: str | None = None
    moment: Moment | None = None
    start: datetime | None = None
    end: datetime | None = None
    """When the moment is over: the feed begins with the last entry before."""
    again: datetime | None = None
    """When it is over for the second time, of a minute that the end of daylight saving repeats."""
    skipped: bool = False
    """Whether the clocks never showed it, since they were put forward just then."""

    @property
    def is_to_come(self) -> bool:
        """Whether the moment has not begun."""
        return self.start is not None and self.start > datetime.now(UTC)

    def shown(self, is_before: bool = False) -> MomentShown:
        """Describes the moment on the page; `is_before` says that nothing had happened yet."""
        if self.moment is None or self.end is None:
            return MomentShown(self.text, self.error)
        told = _told(self.end, self.moment, self.is_to_come, is_before)
        if self.skipped:
            told = f"Clocks in {zone_name()} skipped that time. {told}"
        if self.again is None:
            return MomentShown(_field(self.end), None, told, _url(self.end))
        told = f"Clocks in {zone_name()} showed that time twice; this is the first. {told}"
        return MomentShown(
            _field(self.end), None, told, _url(self.end), _url(self.again), _exact(self.again, zone())[-6:]
        )


def asked(text: str) -> Asked:
    """Reads what `at` says; without +01:00 or the like it is meant in the reader's zone."""
    given = UNESCAPED.sub("+", text.strip())
    if not given:
        return Asked()
    try:
        if len(given) > TEXT_MOST:
            raise ValueError("That is no date or time.")
        moment = parse_moment(given)
    except ValueError as error:
        return Asked(text[:TEXT_MOST], f"{error} {EXPECTED}")
    spans = moment.spans(zone())
    if not spans:
        begins = moment.begins(zone())
        return Asked(given, None, moment, begins, begins + MINUTE, skipped=True)
    again = spans[1][1] if len(spans) > 1 else None
    return Asked(given, None, moment, spans[0][0], spans[0][1], again)


def _told(end: datetime, moment: Moment, is_to_come: bool, is_before: bool) -> str:
    name = _name(end, moment)
    if is_to_come:
        return f"{name} is still to come. These are the newest entries."
    if is_before:
        return f"Nothing had happened here by {name}. These are the first entries after it."
    return f"Begins with the last entry by {name}; newer ones are above."


def _name(end: datetime, moment: Moment) -> str:
    """ "the end of Sunday, 1 November 2026" for days and more, else "1 Nov 2026, 08:00 (+01:00, Europe/Berlin)"."""
    if "T" not in moment.text:
        return f"the end of {day(end - SECOND)}"
    exact = _exact(end, zone())
    local = datetime.fromisoformat(exact)
    return f"{local.day} {local:%b %Y}, {exact[11:-6]} ({from_utc(local)}, {zone_name()})"


def _exact(end: datetime, in_zone: tzinfo) -> str:
    """The last minute before `end`, or its last second where it does not end with a minute; in ISO 8601."""
    finest = SECOND if end.second else MINUTE
    return (end - finest).astimezone(in_zone).isoformat(timespec="seconds" if end.second else "minutes")


def _field(end: datetime) -> str:
    return _exact(end, zone())[:-6]


def _url(end: datetime) -> str:
    query = f"q={quote(request.args['q'], safe='')}&" if request.args.get("q") else ""
    return f"{request.path}?{query}at={quote(_exact(end, zone()), safe=':')}"
