"""What depth costs a feed: the oldest page of a million entries against the newest, and against OFFSET."""

from collections.abc import Iterator

from sqlalchemy import text

from bench.common import Goal, Ground, Row, compare, each_takes
from models.database import read
from models.log import feed

TIMES_OFFSET, ROUNDS_OFFSET = 1, 7
GOAL = Goal(1.15)


def rows(ground: Ground) -> Iterator[Row]:
    """The whole feed, and that of a project which has been silent for half a million entries."""
    big = ground.organisations[ground.big]
    whole = feed.whole(big)
    oldest = feed.SIZE + 1

    def page(scope: feed.Scope, before: int = feed.LATEST) -> float:
        def ask() -> None:
            assert len(feed.page(scope, before).rows) == feed.SIZE

        return each_takes(ask)

    def by_offset() -> float:
        values = {"organisation": big.id, "skipped": feed.head(big.id) - feed.SIZE, "limit": feed.SIZE, "money": True}

        def ask() -> None:
            assert len([feed.row_of(big, row) for row in read(OFFSET, values)]) == feed.SIZE

        return each_takes(ask, TIMES_OFFSET)

    newest = "the newest page"
    yield compare("Feed page at depth one million", lambda: page(whole, oldest), newest, lambda: page(whole), GOAL)
    yield compare(
        "Feed page at depth one million",
        lambda: page(whole, oldest),
        "OFFSET at that depth",
        by_offset,
        rounds=ROUNDS_OFFSET,
    )
    silent, busy = (feed.of_project(big, project) for project in (1, 2))
    yield compare(
        "Feed of a project silent for half a million entries",
        lambda: page(silent),
        "that of a busy project",
        lambda: page(busy),
    )


# What a row shows is looked up for those that are shown only, as whoever writes it would.
OFFSET = text(f"""
    SELECT {feed.COLUMNS}, {feed.CAUSED} FROM (
           SELECT * FROM activity_entries WHERE organisation_id = :organisation
            ORDER BY number DESC OFFSET :skipped LIMIT :limit) AS entry
""")  # noqa: S608
