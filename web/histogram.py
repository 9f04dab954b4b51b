"""Activity over time: bars that lead into the feed, drawn on the server, with a table that says what they say."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple
from urllib.parse import urlencode

from models.log.histogram import Bar, Stretch, histogram, stretch_of
from models.log.moments import Span
from models.log.query import Query, Term, moments
from models.people.standing import Here
from web.addresses import address
from web.moments import Asked
from web.words import day, from_utc, zone

# Of the drawing, in units of its own: the page stretches it.
BAR_WIDTH, GAP, HEIGHT = 10, 2, 100
# What is not nothing can be seen.
LEAST = 2
SECOND = timedelta(seconds=1)
# Bars begin with hours, and the clocks of some zones are a quarter of an hour from those of others.
QUARTER_SECONDS = 15 * 60
# So late a drawing may be once its bars should have moved on.
LATE_SECONDS = 60
FITTING = {Stretch.DAY: timedelta(days=0.9), Stretch.MONTH: timedelta(days=6), Stretch.YEAR: timedelta(days=27)}
NAMES = {Stretch.DAY: "24 hours", Stretch.MONTH: "31 days", Stretch.YEAR: "A year", Stretch.ALL: "All"}


@dataclass(frozen=True)
class FeedBelow:
    """The feed that a histogram stands above: of an organisation, filtered or not, perhaps from a moment on."""

    here: Here
    query: Query
    moment: Asked

    def feed_url(self, at: str) -> str:
        """Returns where the feed shows the entries of a bar alone, or those of them that the query finds."""
        chosen = self.query.without_key("at").with_term(Term("at", (at,)))
        asks = urlencode({"q": str(chosen)}, safe=":")
        return f"{address('activity.of_organisation', org=self.here.handle)}?{asks}"

    def chosen(self, now: datetime) -> list[Span]:
        """Returns the times that are marked: those that the query leaves, or the moment. Raises BadQuery."""
        if self.query.of("at"):
            return moments(self.query, zone(), now)
        return [(self.moment.start, self.moment.end)] if self.moment.start and self.moment.end else []

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
    others_asked: str
    """What the query asks for besides a time, to which one that is drawn over is added."""
    is_filtered: bool
    is_moneyless: bool
    width: int = 0
    height: int = HEIGHT
    bar_width: int = BAR_WIDTH - GAP


def shown(
    of: FeedBelow, over: Stretch | None, until: datetime | None, since: datetime, now: datetime
) -> HistogramShown:
    """Reads and draws a histogram: around what the feed shows, if that is long ago, else until now. Raises BadQuery."""
    chosen = of.chosen(now)
    over = over or (_fitting(chosen) if of.query.of("at") else None) or stretch_of(now - since)
    # Outside of the log's own time there is nothing to lead to.
    bars = histogram(of.here.id, over, max(since, min(until or now, now)), zone(), since)
    if until is None and chosen and since < chosen[-1][1] <= bars[0].start:
        half = (bars[-1].end - bars[0].start) / 2
        bars = histogram(of.here.id, over, min(chosen[-1][1] + half, now), zone(), since)
    length = bars[-1].end - bars[0].start
    most = max(bar.entries for bar in bars)
    return HistogramShown(
        bars=[_drawn(of, bar, place, over, most, chosen) for place, bar in enumerate(bars)],
        unit=over.unit,
        most=most,
        total=sum(bar.entries for bar in bars),
        caused=None if bars[0].caused is None else sum(bar.caused or 0 for bar in bars),
        over=over,
        others=[(each, name, of.url(each)) for each, name in NAMES.items()],
        earlier_url=of.url(over, bars[0].start - SECOND) if bars[0].start > since else None,
        later_url=of.url(over, min(bars[-1].end + length - SECOND, now)) if bars[-1].end <= now else None,
        others_asked=str(of.query.without_key("at")),
        is_filtered=bool(of.query),
        is_moneyless=not of.here.sees_money,
        width=len(bars) * BAR_WIDTH,
    )


def seconds_kept(now: datetime) -> int:
    """Returns for how long a drawing is as one made anew, as long as nothing happens: about until a bar begins."""
    return QUARTER_SECONDS - int(now.timestamp()) % QUARTER_SECONDS + LATE_SECONDS


def _fitting(chosen: Sequence[Span]) -> Stretch | None:
    """The stretch whose bars are about as long as what is asked for, as when one of them led here."""
    lasts = chosen[-1][1] - chosen[0][0] if chosen else timedelta.max
    return next((stretch for stretch, most in FITTING.items() if lasts < most), None)


def _drawn(of: FeedBelow, bar: Bar, place: int, over: Stretch, most: int, chosen: Sequence[Span]) -> BarShown:
    height = max(round(bar.entries / most * HEIGHT, 1), LEAST) if bar.entries else 0
    at = _written(bar, over, zone())
    return BarShown(
        place * BAR_WIDTH + GAP // 2,
        HEIGHT - height,
        height,
        round(height * (bar.caused or 0) / (bar.entries or 1), 1),
        _name(bar, over),
        bar.entries,
        bar.caused,
        of.feed_url(at),
        at,
        any(first < bar.end and bar.start < last for first, last in chosen),
    )


def _written(bar: Bar, over: Stretch, in_zone: tzinfo) -> str:
    """A bar as `at:` has it; hours bear how far they are from UTC, since clocks may show one twice."""
    first, last = bar.start.astimezone(in_zone), (bar.end - SECOND).astimezone(in_zone)
    match over:
        case Stretch.DAY if first.minute == 0:
            return f"{first:%Y-%m-%dT%H}{from_utc(first)}"
        case Stretch.DAY:
            # Where clocks have been put back by half an hour.
            return "..".join(each.isoformat(timespec="minutes") for each in (first, last))
        case Stretch.YEAR:
            return f"{first:%Y-%m-%d}..{last:%Y-%m-%d}"
        case Stretch.MONTH:
            return f"{first:%Y-%m-%d}"
    return f"{first:%Y-%m}"


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
