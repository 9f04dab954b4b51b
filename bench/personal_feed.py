"""What a person's feed over five organisations costs, against a page of one organisation."""

from collections.abc import Iterator

from bench.common import Ground, Row, compare, each_takes
from models.log import feed, personal
from models.log.personal import BEGINNING, NEWEST, Cursor


def rows(ground: Ground) -> Iterator[Row]:
    """The newest page, and the oldest."""
    assert ground.ada.id is not None
    user, organisations = ground.ada.id, list(ground.organisations.values())
    whole = feed.whole(ground.organisations[ground.big])
    # Where the oldest full page begins.
    oldest = personal.cursor_of(personal.newer(user, organisations, BEGINNING, feed.SIZE + 1)[0])

    def mine(before: Cursor) -> float:
        def read() -> None:
            assert len(personal.page(user, organisations, before).rows) == feed.SIZE

        return each_takes(read)

    def one() -> float:
        def read() -> None:
            assert len(feed.page(whole).rows) == feed.SIZE

        return each_takes(read)

    against = "a page of one organisation"
    yield compare("Personal feed over five organisations", lambda: mine(NEWEST), against, one)
    yield compare(
        "Personal feed over five organisations, oldest page",
        lambda: mine(oldest),
        "its newest page",
        lambda: mine(NEWEST),
    )
