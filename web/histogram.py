"""Activity over time: bars that lead into the feed, drawn on the server, with a table that says what they say."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple
from urllib.parse import urlencode

from models.log.histogram import Bar, Stretch, histogram, stretch_of
from models.log.query import Query, Term
from models.people.standing import Here
from web.addresses import address
from web.moments import Asked
from web.words import day, from_utc, zone

# Of the drawing, in units of its own: the page stretches it.
BAR_WIDTH, GAP, HEIGHT = 10, 2, 100
# What is not nothing can be seen.
LEAST = 2
SECOND = timedelta(seconds=1)
NAMES = {Stretch.DAY: "24 hours", Stretch.MONTH: "31 days", Stretch.YEAR: "A year", Stretch.ALL: "All"}


@dataclass(frozen=True)
class FeedBelow:
    """The feed that a histogram stands above: of an organisation, filtered or not, perhaps from a moment on."""

    here: Here
    query: Query
    moment: Asked

    def feed_url(self, at: str, last: str) -> str:
        """Returns where the feed shows the entries of a bar: what `at:` says, or where the last of it leads."""
        chosen = self.query.without_key("at").with_term(Term("at", (at,))) if self.query else None
        asks = {"q": str(chosen)} if chosen else {"at": last}
        return f"{address('activity.of_organisation', org=self.here.handle)}?{urlencode(asks, safe=':')}"

    def url(self, over: Stretch, until: datetime | None = None) -> str:
        """Returns the address of another histogram of the same."""
        asks = {"over": str(over)}
        if until is not None:
            asks["until"] = until.astimezone(zone()).isoformat(timespec="minutes")
        if self.query:
            asks["q"] = str(self.query)
        if self.moment.text:
            asks["at"] = self.moment.text
        return f"{address('activity.over_time', org=self.here.handle)}?{urlencode(asks, safe=':')}"


class BarShown(NamedTuple):
    """A bar where it stands in the drawing, and what it says."""

    x: int
    y: float
    height: float
    caused_height: float
    """Of its part that was set off by other entries, which stands on the other."""
    name: str
    entries: int
    caused: int | None
    url: str
    at: str
    is_chosen: bool


@dataclass(frozen=True)
class HistogramShown:
    """What `activity/_histogram.html` shows."""

    bars: Sequence[BarShown]
    unit: str
    most: int
    total: int
    caused: int | None
    """How many were set off by other entries; None where that was not looked at."""
    over: Stretch
    others: Sequence[tuple[Stretch, str, str]]
    """The stretches there are: each with its name and address."""
    earlier_url: str | None
    later_url: str | None
    is_filtered: bool
    is_moneyless: bool
    width: int = 0
    height: int = HEIGHT
    bar_width: int = BAR_WIDTH - GAP


def shown(
    of: FeedBelow, over: Stretch | None, until: datetime | None, since: datetime, now: datetime
) -> HistogramShown:
    """Reads and draws a histogram: around the moment that the feed begins at, else until now."""
    over = over or stretch_of(now - since)
    moment = of.moment.end - SECOND if of.moment.end else None
    bars = histogram(of.here.id, over, until or now, zone(), since)
    if until is None and moment is not None and moment < bars[0].start:
        half = (bars[-1].end - bars[0].start) / 2
        bars = histogram(of.here.id, over, moment + half, zone(), since)
    length = bars[-1].end - bars[0].start
    most = max(bar.entries for bar in bars)
    return HistogramShown(
        bars=[_drawn(of, bar, place, over, most, moment) for place, bar in enumerate(bars)],
        unit=over.unit,
        most=most,
        total=sum(bar.entries for bar in bars),
        caused=None if bars[0].caused is None else sum(bar.caused or 0 for bar in bars),
        over=over,
        others=[(each, name, of.url(each)) for each, name in NAMES.items()],
        earlier_url=of.url(over, bars[0].start - SECOND) if bars[0].start > since else None,
        later_url=of.url(over, min(bars[-1].end + length - SECOND, now)) if bars[-1].end <= now else None,
        is_filtered=bool(of.query),
        is_moneyless=not of.here.sees_money,
        width=len(bars) * BAR_WIDTH,
    )


def _drawn(of: FeedBelow, bar: Bar, place: int, over: Stretch, most: int, moment: datetime | None) -> BarShown:
    height = max(round(bar.entries / most * HEIGHT, 1), LEAST) if bar.entries else 0
    first, last = _written(bar, over, zone())
    at = first if first == last else f"{first}..{last}"
    return BarShown(
        place * BAR_WIDTH + GAP // 2,
        HEIGHT - height,
        height,
        round(height * (bar.caused or 0) / (bar.entries or 1), 1),
        _name(bar, over),
        bar.entries,
        bar.caused,
        of.feed_url(at, last),
        at,
        moment is not None and bar.start <= moment < bar.end,
    )


def _written(bar: Bar, over: Stretch, in_zone: tzinfo) -> tuple[str, str]:
    """The first and the last hour, day or month of a bar, as `at:` has them; hours bear how far they are from UTC."""
    first, last = bar.start.astimezone(in_zone), (bar.end - SECOND).astimezone(in_zone)
    if over is Stretch.DAY and first.minute == 0:
        hour = f"{first:%Y-%m-%dT%H}{from_utc(first)}"
        return hour, hour
    if over is Stretch.DAY:
        # Where clocks are put back by half an hour.
        return first.isoformat(timespec="minutes"), last.isoformat(timespec="minutes")
    form = "%Y-%m" if over is Stretch.ALL else "%Y-%m-%d"
    return first.strftime(form), last.strftime(form)


def _name(bar: Bar, over: Stretch) -> str:
    """ "Tuesday, 24 November 2026", "24 Nov 2026, 08:00", "Week of 23 Nov 2026", "November 2026"."""
    local = bar.start.astimezone(zone())
    match over:
        case Stretch.DAY:
            changes = from_utc(local) != from_utc(datetime.now(UTC).astimezone(zone()))
            return f"{local.day} {local:%b %Y, %H:%M}{f' {from_utc(local)}' if changes else ''}"
        case Stretch.MONTH:
            return day(bar.start)
        case Stretch.YEAR:
            return f"Week of {local.day} {local:%b %Y}"
    return f"{local:%B %Y}"
