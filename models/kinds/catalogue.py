"""The four project-level kinds, in the order in which a cascade ends them: users of secrets before secrets."""

from models.jobs import deployment
from models.kinds.container import Container
from models.kinds.memcached import Memcached
from models.kinds.registry import Registry
from models.kinds.resource import Resource
from models.kinds.secret import Secret

KINDS: tuple[type[Resource], ...] = (Container, Memcached, Registry, Secret)
RUNNING = tuple(kind for kind in KINDS if kind.runs)
"""The kinds that run and are paid for; the others are configuration."""
BY_PLURAL: dict[str, type[Resource]] = {kind.plural: kind for kind in KINDS}
deployment.TABLES.update((kind.noun, kind.plural) for kind in RUNNING)
