"""What a search costs against the newest page of everything: one term of any rarity, and many terms at random.

One term as whoever asks for the page has it, from the web server; many, and the slowest term, as the database answers.
"""

import random
import statistics
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlencode

from bench.common import Goal, Ground, Row, compare, each_takes, row_of
from bench.feed_page import product
from models.log import feed
from models.log.keys import BadQuery
from models.log.query import parse, query
from models.log.search import LOOKED_AT_FIRST, Asker, Search
from models.organisation import by_handle
from models.transaction import transaction

ROUNDS, TIMES = 15, 10
# A connection prepares a statement at its sixth use, and PostgreSQL keeps its plan from the eleventh on: so often each
# thread of each web process has to have answered.
UNMEASURED = 8
COMBINATIONS = 50
SINGLE, COMBINED = Goal(2), Goal(30)
# One of each key that an index serves, and how much there is of it.
TERMS = {
    "actor:me": "one in nine",
    'actor:"Person 3"': "one in nine",
    "actor:system": "one in ten",
    "action:delete": "one in 50,000",
    "action:update": "most",
    "type:secret": "one in 50,000",
    "type:container": "nearly all",
    "via:cli": "one in 50,000",
    "via:web": "nearly all",
    "project:silent": "one",
    "resource:service-77": "one thing of 7,919",
    "resource:service-77*": "111 things",
    "resource:service-*": "nearly all",
    "resource:nothing-*": "none",
    "cause:500001": "ninety-nine",
    "number:5000": "one",
    "at:2024-03": "a month",
    "changed:image": "most",
    "updated": "nearly all",
    "changed:port": f"none in the newest {LOOKED_AT_FIRST:,}",
    "token-": f"none in the newest {LOOKED_AT_FIRST:,}",
}


def rows(ground: Ground) -> Iterator[Row]:
    """Pages of the biggest organisation."""
    scope = feed.whole(ground.organisations[ground.big])
    asker = Asker(ground.ada.id or 0, UTC, datetime.now(UTC))
    newest = partial(each_takes, partial(feed.page, scope), TIMES)
    against = "the newest page of everything"
    organisation = by_handle(scope.organisation.handle)
    assert organisation is not None
    with transaction():
        organisation.create_project(ground.ada, name="Silent", handle="silent")
    path = f"/orgs/{scope.organisation.handle}/activity"
    with product(ground, path) as served:
        every = partial(served.seconds_per_request, TIMES)
        for term, many in TERMS.items():
            found = partial(replace(served, path=f"{path}?{urlencode({'q': term})}").seconds_per_request, TIMES)
            yield compare(
                f"Search for `{term}` ({many})", found, against, every, SINGLE, rounds=ROUNDS, unmeasured=UNMEASURED
            )
    against = f"{against}, in PostgreSQL"
    yield _slowest_term(scope, asker, newest, against)
    yield _worst(scope, asker, newest, against)


def _slowest_term(scope: feed.Scope, asker: Asker, newest: Callable[[], float], against: str) -> Row:
    """The term whose statement takes longest."""
    found = [
        compare(
            f"The slowest of these searches, `{term}`, in PostgreSQL",
            partial(each_takes, Search(scope, parse(term), asker).page, TIMES),
            against,
            newest,
            rounds=ROUNDS,
        )
        for term in TERMS
    ]
    return max(found, key=lambda row: row.ratio)


def _worst(scope: feed.Scope, asker: Asker, newest: Callable[[], float], against: str) -> Row:
    """The slowest of random combinations; each of them comes to an end, or says how far it has looked."""
    found: list[tuple[float, str, list[tuple[float, float]]]] = []
    for text in _combinations():
        search = Search(scope, parse(text), asker)
        page = search.page()
        assert page.rows or page.older is None or page.looked
        taken = [(each_takes(search.page, TIMES), newest()) for _ in range(3)]
        found.append((statistics.median(one / other for one, other in taken), text, taken))
    _, slowest, pairs = max(found)
    return row_of(f"The slowest of {COMBINATIONS} random searches, `{slowest}`", pairs, against, COMBINED)


def _combinations() -> Iterator[str]:
    chance, terms = random.Random(13), [*TERMS]  # noqa: S311
    found = 0
    while found < COMBINATIONS:
        chosen = chance.sample(terms, chance.randint(2, 4))
        try:
            made = query(parse(" ".join(f"{chance.choice(['', '', '', '-'])}{each}" for each in chosen)).terms)
        except BadQuery:
            continue
        found += 1
        yield str(made)
