"""Which reference is pulled for an image of a registry."""

import pytest

from models.errors import Invalid
from models.kinds.container import Container
from models.kinds.images import address
from models.kinds.registry import Registry
from models.log.actor import Actor
from models.project import Project
from models.transaction import transaction

OURS = "registry.example.com"


@pytest.mark.parametrize(
    ("server", "image", "pulled"),
    [
        (OURS, "acme/app:1", f"{OURS}/acme/app:1"),
        (OURS, "app:1", f"{OURS}/app:1"),
        (OURS, f"{OURS}/acme/app:1", f"{OURS}/acme/app:1"),
        (OURS, f"{OURS}:443/acme/app:1", f"{OURS}/acme/app:1"),
        (f"{OURS}:443", "acme/app:1", f"{OURS}/acme/app:1"),
        ("Registry.Example.COM", f"{OURS}/app:1", f"{OURS}/app:1"),
        (f"{OURS}:5000", f"{OURS}:5000/app:1", f"{OURS}:5000/app:1"),
        (f"{OURS}:5000", "app:1", f"{OURS}:5000/app:1"),
        ("localhost", "localhost/app:1", "localhost/app:1"),
        ("localhost:5000", "app:1", "localhost:5000/app:1"),
        ("docker.io", "nginx:1.28", "docker.io/nginx:1.28"),
        ("docker.io", "acme/app:1", "docker.io/acme/app:1"),
        ("index.docker.io", "docker.io/acme/app:1", "docker.io/acme/app:1"),
        ("registry-1.docker.io", "index.docker.io/acme/app:1", "docker.io/acme/app:1"),
        ("ghcr.io", "ghcr.io/acme/app@sha256:" + "0" * 64, "ghcr.io/acme/app@sha256:" + "0" * 64),
    ],
)
def test_an_image_of_a_registry_is_pulled_from_it(server: str, image: str, pulled: str) -> None:
    assert address(server, image) == pulled


@pytest.mark.parametrize(
    ("server", "image"),
    [
        (OURS, "ghcr.io/acme/app:1"),
        (OURS, f"{OURS}:5000/app:1"),
        (f"{OURS}:5000", f"{OURS}/app:1"),
        (OURS, f"{OURS}.evil.example/app:1"),
        (OURS, "localhost/app:1"),
        ("docker.io", "quay.io/acme/app:1"),
        (OURS, "docker.io/acme/app:1"),
    ],
)
def test_another_host_s_image_is_refused(server: str, image: str) -> None:
    with pytest.raises(Invalid, match="names") as refused:
        address(server, image)

    assert refused.value.field == "image"


def test_the_form_refuses_an_image_that_names_another_host_than_its_registry(web: Project, ada: Actor) -> None:
    with transaction():
        web.create(ada, Registry, handle="main", server=OURS, username="ci", password="p")
    fields = {"name": "one", "handle": "one", "registry_handle": "main"}
    with pytest.raises(Invalid, match=r"names ghcr\.io"), transaction():
        web.create(ada, Container, image="ghcr.io/acme/one:1", **fields)
    with transaction():
        one = web.create(ada, Container, image="acme/one:1", **fields)
    with pytest.raises(Invalid, match=r"names ghcr\.io"), transaction():
        one.update(ada, one.version, image="ghcr.io/acme/one:2")
