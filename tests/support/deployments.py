"""Deployments as the worker would have carried them out, where no engine is needed."""

import re

from models.jobs import deployment
from models.jobs.deployment import Made
from models.jobs.observation import ResourceKey
from models.kinds.running import Running
from models.kinds.specification import Specification
from models.transaction import transaction

DIGEST = "sha256:" + "3f2a" * 16
SHOWN = "sha256:3f2a3f2a3f2a…"


def made(image: str = "nginx:1.27", digest: str = DIGEST, specification: Specification | None = None) -> Made:
    """What an engine would have brought up."""
    found = specification or Specification(image, image, 80, 64)
    return Made(found.digest, digest, image, digest, 1, found.sealed())


def deployed(
    key: ResourceKey,
    revision: int,
    image: str = "nginx:1.27",
    digest: str = DIGEST,
    specification: Specification | None = None,
) -> None:
    """Carries out a deployment."""
    with transaction():
        lease = deployment.claim(key, revision)
    assert lease
    with transaction():
        deployment.succeed(lease, made(image, digest, specification))


def fail(thing: Running, reason: str = "image not found") -> None:
    """Has its newest revision fail to come up."""
    with transaction():
        lease = deployment.claim(thing.key, thing.revision)
    assert lease
    with transaction():
        deployment.fail(lease, reason)


def without_digest(summary: str) -> str:
    """A sentence about a deployment without the content that it names, which depends on the machine."""
    return re.sub(r" \(sha256:[0-9a-f]{12}…\)", "", summary)
