"""References to images: which registry's host one names, and how it is written for an engine that pulls it.

The rules are those of the distribution project's `reference` package, which Docker uses: what stands before the first
slash is a host if it has a dot or a colon or is `localhost`; without one, the image is Docker Hub's.
"""

from models.errors import Invalid

HUB = "docker.io"
# All of them lead to the same images.
NAMES_OF_HUB = frozenset({HUB, "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"})
HTTPS = ":443"


def address(server: str, image: str) -> str:
    """Returns what an engine pulls for an image of the registry at `server`. Raises Invalid for another host's image.

    With another host's image the engine would send it the registry's credentials, or ask the registry for a repository
    that bears the other's name.
    """
    host, rest = split(image)
    if host is not None and canonical(host) != canonical(server):
        raise Invalid(f"The image names {host}, but its registry is {server}. Leave out one of them.", "image")
    return f"{canonical(server)}/{rest}"


def split(image: str) -> tuple[str | None, str]:
    """Returns the host that an image names, None where it names none, and the rest."""
    first, slash, rest = image.partition("/")
    named = slash and ("." in first or ":" in first or first.lower() == "localhost")
    return (first, rest) if named else (None, image)


def canonical(server: str) -> str:
    """Returns one spelling of a host: in small letters, without the port of HTTPS, and Docker Hub's by one name."""
    host = server.lower().removesuffix(HTTPS)
    return HUB if host in NAMES_OF_HUB else host
