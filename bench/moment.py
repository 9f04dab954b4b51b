"""What going to a moment costs, and activity over time, against the newest page of the same organisation."""

import random
from collections.abc import Iterator
from datetime import UTC

from bench.common import Goal, Ground, Row, compare, each_takes
from models.log import boundary, feed
from models.log.histogram import Stretch, histogram

GOAL, COLD, WARM = Goal(3), Goal(15), Goal(3)


def rows(ground: Ground) -> Iterator[Row]:
    """A moment nobody has asked for before, and the weeks of a year as they are first asked for and again."""
    big = ground.organisations[ground.big]
    whole = feed.whole(big)
    newest = feed.page(whole).rows[0].occurred_at
    # The organisation itself was founded today, and then filled with a past.
    since = feed.page_above(whole, 1).rows[-1].occurred_at

    def page() -> None:
        assert len(feed.page(whole).rows) == feed.SIZE

    def at_a_moment() -> None:
        moment = since + random.uniform(0.1, 0.9) * (newest - since)  # noqa: S311
        assert len(feed.page(whole, boundary.boundary(big.id, moment) + 1).rows) == feed.SIZE

    def year() -> None:
        assert len(histogram(big.id, Stretch.YEAR, newest, UTC, since)) > 50

    def year_cold() -> None:
        boundary.REMEMBERED.clear()
        year()

    against = "the newest page"
    yield compare(
        "Page that begins at a moment", lambda: each_takes(at_a_moment), against, lambda: each_takes(page), GOAL
    )
    yield compare(
        "Activity of a year in weeks, cold", lambda: each_takes(year_cold), against, lambda: each_takes(page), COLD
    )
    yield compare(
        "Activity of a year in weeks, again", lambda: each_takes(year), against, lambda: each_takes(page), WARM
    )
