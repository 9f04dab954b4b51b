"""What `at:` may say: days, hours, ranges of them and "the last 7 days", as a reader's clock shows them."""

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import NamedTuple

from models.log.spans import joined
from models.numbers import whole_number

Span = tuple[datetime, datetime]
EVER: Span = (datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC))
"""From before every entry until after every one."""
YEARS = range(1970, 3000)
COUNT_MOST = 9999
UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
UNIT_NAMES = {"h": "hour", "d": "day", "w": "week"}
FORMS = ("2026", "2026-11", "2026-11-01", "2026-11-01T08", "2026-11-01T08:00", "2026-11-01T08:00+01:00")
ALLOWED = ("2026-11-01", "2026-11-01..2026-11-20", ">=2026-11-01T08:00", "2026-10-25T02:30+02:00", "7d")
RELATIVE = re.compile(r"([0-9]+)([hdw])", re.ASCII)
COMPARED = re.compile(r"(>=|<=|>|<)?(.*)", re.DOTALL)
MOMENT = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d)(?::(\d\d)(?::(\d\d))?)?(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII | re.IGNORECASE
)
TICK = timedelta(microseconds=1)


class Moment(NamedTuple):
    """A year, month, day, hour, minute or second: on the reader's clock, or at the distance from UTC that is given."""

    text: str
    first: datetime
    last: datetime
    """The beginning of what follows it."""
    fixed: timezone | None

    def spans(self, zone: tzinfo) -> list[Span]:
        """Returns when a clock showed it: twice where it was put back, never where it was put forward past it."""
        if self.fixed is not None:
            return [(_placed(self.first, self.fixed), _placed(self.last, self.fixed))]
        end = self.last - TICK
        return joined(
            (_placed(self.first, zone, fold), _placed(end, zone, fold, late=True) + TICK)
            for fold in (0, 1)
            if _exists(self.first, zone) or _exists(end, zone)
        )

    def begins(self, zone: tzinfo) -> datetime:
        """Returns the first moment at which a clock showed this or more."""
        return _placed(self.first, self.fixed or zone)

    def ends(self, zone: tzinfo) -> datetime:
        """Returns the moment from which on no clock showed this or less."""
        if self.fixed is not None:
            return _placed(self.last, self.fixed)
        return _placed(self.last - TICK, zone, 1, late=True) + TICK


class At(NamedTuple):
    """One value of `at:`."""

    text: str
    """In its canonical form."""
    how: str
    """"at", "range", "ago", or the comparison: ">=", ">", "<=", "<"."""
    first: Moment | None = None
    last: Moment | None = None
    ago: timedelta | None = None

    def spans(self, zone: tzinfo, now: datetime) -> list[Span]:
        """Returns the time it stands for, on clocks of the zone; "the last 7 days" reach until now and further."""
        if self.ago is not None:
            return [(now - self.ago, EVER[1])]
        assert self.first is not None
        match self.how:
            case ">=":
                return [(self.first.begins(zone), EVER[1])]
            case ">":
                return [(self.first.ends(zone), EVER[1])]
            case "<=":
                return [(EVER[0], self.first.ends(zone))]
            case "<":
                return [(EVER[0], self.first.begins(zone))]
            case "range":
                assert self.last is not None
                return joined([(self.first.begins(zone), self.last.ends(zone))])
        return self.first.spans(zone)


def parse_at(value: str) -> At:
    """Reads one value of `at:`. Raises ValueError, with a sentence that says what is wrong."""
    if found := RELATIVE.fullmatch(value.lower()):
        count, unit = whole_number(found[1], COUNT_MOST), found[2]
        if not count:
            raise ValueError(f"The last 0 {UNIT_NAMES[unit]}s hold nothing.")
        return At(f"{count}{unit}", "ago", ago=count * UNITS[unit])
    first, dots, last = value.partition("..")
    if dots:
        return _range(parse_moment(first), parse_moment(last))
    compared = COMPARED.fullmatch(value)
    assert compared is not None
    moment = parse_moment(compared[2])
    return At(f"{compared[1] or ''}{moment.text}", compared[1] or "at", moment)


def parse_moment(value: str) -> Moment:
    """Reads a year, month, day, hour, minute or second. Raises ValueError, with a sentence that says what is wrong."""
    found = MOMENT.fullmatch(value)
    if found is None:
        raise ValueError(f"“{value}” is neither a date nor a date and time.")
    parts = [int(part) for part in found.groups()[:6] if part is not None]
    if parts[0] not in YEARS:
        raise ValueError(f"The year must be from {YEARS[0]} to {YEARS[-1]}.")
    try:
        first = datetime(*(parts + [1, 1][len(parts) - 1 :]))  # type: ignore[arg-type]
        fixed = _fixed(found[7])
    except ValueError:
        raise ValueError(f"“{value}” is on no calendar or clock.") from None
    return Moment(_canonical(found, fixed), first, _next(first, len(parts)), fixed)


def describe_at(at: At) -> str:
    """ "on 2026-11-01", "from 2026-11-01 to 2026-11-20", "since 2026-11-01T08:00", "in the last 7 days"."""
    if at.how == "ago":
        count = at.text[:-1]
        unit = UNIT_NAMES[at.text[-1]]
        return f"in the last {unit}" if count == "1" else f"in the last {count} {unit}s"
    assert at.first is not None
    if at.last is not None:
        return f"from {at.first.text} to {at.last.text}"
    words = {">=": "since", ">": "after", "<=": "until the end of", "<": "before"}
    return f"{words.get(at.how) or _preposition(at.first)} {at.first.text}"


def _preposition(moment: Moment) -> str:
    return "at" if "T" in moment.text else "on" if moment.text.count("-") == 2 else "in"


def _range(first: Moment, last: Moment) -> At:
    known = (first.fixed is None) == (last.fixed is None)
    zones = first.fixed or UTC, last.fixed or UTC
    if known and first.first.replace(tzinfo=zones[0]) >= last.last.replace(tzinfo=zones[1]):
        raise ValueError(f"{last.text} is before {first.text}.")
    return At(f"{first.text}..{last.text}", "range", first, last)


def _fixed(written: str | None) -> timezone | None:
    if written is None:
        return None
    if written in "Zz":
        return UTC
    minutes = int(written[1:3]) * 60 + int(written[4:6])
    if int(written[4:6]) > 59:
        raise ValueError
    return timezone(timedelta(minutes=-minutes if written[0] == "-" else minutes))


def _canonical(found: re.Match[str], fixed: timezone | None) -> str:
    local = found[0][: found.start(7) if found[7] else None].upper()
    if fixed is None:
        return local
    return local + ("Z" if fixed.utcoffset(None) == timedelta(0) else found[7])


def _next(first: datetime, precision: int) -> datetime:
    match precision:
        case 1:
            return first.replace(year=first.year + 1)
        case 2:
            return (first + timedelta(days=31)).replace(day=1)
        case 3:
            return first + timedelta(days=1)
        case 4:
            return first + timedelta(hours=1)
        case 5:
            return first + timedelta(minutes=1)
    return first + timedelta(seconds=1)


def _exists(local: datetime, zone: tzinfo) -> bool:
    """Whether a clock of the zone ever shows this."""
    return local.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == local


def _placed(local: datetime, zone: tzinfo, fold: int = 0, late: bool = False) -> datetime:
    """When a clock of the zone shows this, in UTC: of what it skips, when it does; `late`: right before that."""
    if _exists(local, zone):
        return local.replace(tzinfo=zone, fold=fold).astimezone(UTC)
    before, after = (local.replace(tzinfo=zone, fold=each).astimezone(UTC) for each in (1, 0))
    # Clocks are put forward at whole seconds.
    before, after = before.replace(microsecond=0), after.replace(microsecond=0)
    was = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        before, after = (middle, after) if middle.astimezone(zone).utcoffset() == was else (before, middle)
    return after - TICK if late else after
