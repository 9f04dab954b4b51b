"""The kinds of resource, in the order in which a cascade ends them: what uses others before what is used.

All that is done to every kind, or said of every kind, loops over these: nobody else lists them.
"""

from collections.abc import Iterable

from models.jobs import observation
from models.kinds.container import Container
from models.kinds.memcached import Memcached
from models.kinds.registry import Registry
from models.kinds.resource import Resource
from models.kinds.running import Running
from models.kinds.secret import Secret

KINDS: tuple[type[Resource], ...] = (Container, Memcached, Registry, Secret)
RUNNING: tuple[type[Running], ...] = tuple(kind for kind in KINDS if issubclass(kind, Running))
"""The kinds that run on the engine; the others are configuration."""
BY_NOUN: dict[str, type[Resource]] = {kind.noun: kind for kind in KINDS}
BY_PLURAL: dict[str, type[Resource]] = {kind.plural: kind for kind in KINDS}
observation.TABLES.update((kind.noun, kind.plural) for kind in RUNNING)
observation.USES.update((kind.noun, kind.USES) for kind in RUNNING)


def plurals(kinds: Iterable[type[Resource]]) -> str:
    """ "containers, memcached, registries and secrets"."""
    *most, last = (kind.plural for kind in kinds)
    return f"{', '.join(most)} and {last}" if most else last
