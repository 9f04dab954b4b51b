"""What a person's feed over five organisations costs, against a page of one organisation."""

from collections.abc import Iterator

from bench.common import Ground, Row, compare, each_takes
from models.log import feed


def rows(ground: Ground) -> Iterator[Row]:
    """The newest page, and the oldest."""
    assert ground.ada.id is not None
    user, whole = ground.ada.id, feed.whole(ground.big, ground.places[ground.big])
    oldest = _late_cursor(ground, user)

    def mine(before: feed.Cursor) -> float:
        def read() -> None:
            assert len(feed.of_person(user, ground.places, before).rows) == feed.SIZE

        return each_takes(read)

    def one() -> float:
        def read() -> None:
            assert len(feed.page(whole).rows) == feed.SIZE

        return each_takes(read)

    against = "a page of one organisation"
    yield compare("Personal feed over five organisations", lambda: mine(feed.FIRST), against, one)
    yield compare(
        "Personal feed over five organisations, oldest page",
        lambda: mine(oldest),
        "its newest page",
        lambda: mine(feed.FIRST),
    )


def _late_cursor(ground: Ground, user: int) -> feed.Cursor:
    """Where the oldest full page begins."""
    oldest = feed.newer_of_person(user, ground.places, feed.BEGINNING, feed.SIZE + 1)
    return feed.cursor_of(oldest[0])
