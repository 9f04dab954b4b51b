"""The port that a well-known image listens on, by whatever name it is asked for."""

import pytest

from models.field import Proposal
from models.kinds import ports
from models.kinds.container import Container

PORT = Container.fields()["port"]


@pytest.mark.parametrize(
    "image",
    [
        "nginx:1.28",
        " nginx:1.28-alpine ",
        "nginx",
        "library/nginx:1.28",
        "docker.io/nginx:1.28",
        "docker.io/library/nginx:1.28",
        "index.docker.io/library/nginx:1.28",
        f"nginx@sha256:{'a' * 64}",
        f"nginx:1.28@sha256:{'a' * 64}",
    ],
)
def test_a_well_known_image_is_known_by_any_of_its_names(image: str) -> None:
    assert ports.usual(image) == Proposal(80, "nginx")


@pytest.mark.parametrize(
    "image",
    [
        "",
        "nginx/1.28",
        "acme/nginx:1.28",
        "registry.example.com/nginx:1.28",
        "registry.example.com:5000/library/nginx:1.28",
        "localhost/nginx:1",
        "nginx-fork:1",
        "x" * 10_000,
    ],
)
def test_of_any_other_image_nothing_is_claimed(image: str) -> None:
    assert ports.usual(image) is None


def test_an_image_of_someone_s_on_the_hub_is_known_with_its_owner_alone() -> None:
    assert ports.usual("valkey/valkey:8.1-alpine") == Proposal(6379, "valkey/valkey")
    assert ports.usual("valkey:8.1") is None


def test_every_port_of_the_table_may_be_stored() -> None:
    assert [name for name, port in ports.PORTS.items() if PORT.check(port) != port] == []
