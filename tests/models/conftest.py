"""An organisation with something that runs."""

import pytest

from models.kinds.container import Container
from models.kinds.memcached import Memcached
from models.kinds.registry import Registry
from models.kinds.secret import Secret
from models.log.actor import Actor
from models.project import Project
from models.transaction import transaction


@pytest.fixture
def full(web: Project, ada: Actor) -> Project:
    """Three containers, a memcached, a registry and a secret."""
    with transaction():
        for number in range(3):
            web.create(ada, Container, name=f"c{number}", handle=f"c{number}", image="nginx:1.28")
        web.create(ada, Memcached, name="cache", handle="cache")
        web.create(ada, Registry, handle="main", server="r.example.com", username="ci", password="p")
        web.create(ada, Secret, handle="token", value="v")
    return web
