"""People of one name on one page: their rows also say which of them it is, and nobody else's says more than a name."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache

from models.log.feed import Item, Row

KEPT_MOST = 10_000


def namesakes(items: Iterable[Item]) -> frozenset[int]:
    """Returns the ids of those who acted under a name that another person among them has too."""
    people = {(each.actor_name, each.actor_id) for each in items if type(each) is Row}
    sharing: dict[str, set[int]] = defaultdict(set)
    for name, actor_id in people:
        if actor_id is not None:
            sharing[_as_read(name)].add(actor_id)
    return frozenset(each for ids in sharing.values() if len(ids) > 1 for each in ids)


@lru_cache(maxsize=KEPT_MOST)
def _as_read(name: str) -> str:
    """The name as far as case, width and the like make no difference to a reader."""
    return unicodedata.normalize("NFKC", name).casefold()
