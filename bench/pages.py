"""What pages weigh in a browser: what a second visit fetches, what compression saves, and what a long feed costs."""

from collections.abc import Iterator

from playwright.sync_api import Browser, StorageState

from bench import visits
from bench.common import Goal, Ground, Row, milliseconds, row_of, turns
from bench.feed_page import product
from bench.ground import EMAIL
from bench.visits import Visit

ROUNDS = 5
ENTRIES, FEW = 1000, 150


def rows(ground: Ground) -> Iterator[Row]:
    """The dashboard and the feed of the big organisation, in Chromium, with nothing in its cache each time."""
    home = f"/orgs/{ground.organisations[ground.big].handle}"
    with product(ground, home) as server, visits.browser() as chromium:
        address = f"http://127.0.0.1:{server.port}"
        state = visits.signed_in(chromium, address, EMAIL, ground.password)
        for what, path in (("an organisation's dashboard", home), ("a feed", f"{home}/activity")):
            yield from _weight(chromium, address, state, what, path)
        yield from _long(chromium, address, state, f"{home}/activity")


def _weight(chromium: Browser, address: str, state: StorageState, what: str, path: str) -> Iterator[Row]:
    pairs: list[tuple[Visit, Visit]] = []
    plain: list[Visit] = []
    for _ in turns(ROUNDS):
        with visits.fresh(chromium, address, state) as page:
            pairs.append(visits.visits(page, path))
        with visits.fresh(chromium, address, state) as page:
            plain.append(visits.visits(page, path, accepts="identity")[0])
    asked = [(float(second.requests), float(first.requests)) for first, second in pairs]
    yield row_of(f"Requests of a second visit of {what}", asked, "of the first visit", unit=_count)
    got = [(float(second.received), float(first.received)) for first, second in pairs]
    yield row_of(f"Bytes of a second visit of {what}", got, "of the first visit", Goal(0.1), unit=_kilobytes)
    saved = [(float(ours[0].received), float(other.received)) for ours, other in zip(pairs, plain, strict=True)]
    yield row_of(f"Bytes of a first visit of {what}", saved, "without compression", Goal(0.6), unit=_kilobytes)


def _long(chromium: Browser, address: str, state: StorageState, path: str) -> Iterator[Row]:
    longest, clicks = [], []
    for _ in turns(ROUNDS):
        with visits.fresh(chromium, address, state) as page:
            many = visits.scrolled(chromium, page, path, ENTRIES).longest
        with visits.fresh(chromium, address, state) as page:
            few = visits.scrolled(chromium, page, path, FEW).longest
        longest.append((many, few))
        clicks.append((_click(chromium, address, state, path), _opened(chromium, address, state, path)))
    what = f"CPU of the longest task while a feed is scrolled to {ENTRIES:,} entries"
    yield row_of(what, longest, f"to {FEW}", Goal(1.5), unit=milliseconds)
    yield row_of(
        "A row of a feed, from the click to the painted page", clicks, "the feed opened anew", unit=milliseconds
    )


def _click(chromium: Browser, address: str, state: StorageState, path: str) -> float:
    with visits.fresh(chromium, address, state) as page:
        page.goto(path)
        return visits.clicked(page, f"{visits.ROWS} .summary a")


def _opened(chromium: Browser, address: str, state: StorageState, path: str) -> float:
    """Seconds from asking for a page until all of it is there, with everything that browsers keep of it."""
    with visits.fresh(chromium, address, state) as page:
        page.goto(path)
        page.goto(path)
        found: float = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventStart / 1000")
        return found


def _count(requests: float) -> str:
    return f"{requests:.0f}"


def _kilobytes(size: float) -> str:
    return f"{size / 1000:.1f} kB"
