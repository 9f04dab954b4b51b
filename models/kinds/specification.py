"""What the container engine is told to run, with sealed values in clear."""

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Self

from models.sealed import KEYRING

CONTEXT = "deployments.specification"


@dataclass(frozen=True)
class Credentials:
    """How to sign in to a registry. Left out of `repr`, so that no error or log line reveals it."""

    server: str
    handle: str
    """Of the registry, for messages."""
    username: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True)
class Specification:
    """One revision of a resource, as the engine runs it. The environment is left out of `repr`."""

    image: str
    """As it is pulled: with the registry's server in front."""
    named: str
    """The image as people wrote it, for messages."""
    port: int
    memory_mib: int
    cpu_millicores: int | None = None
    health_path: str = ""
    command: tuple[str, ...] = ()
    nodes: int = 1
    credentials: Credentials | None = None
    environment: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def digest(self) -> str:
        """What differs whenever it runs something else, and tells nothing of it to whoever has not our keys."""
        return KEYRING.digest(replace(self, credentials=None)._written(), CONTEXT)

    def sealed(self) -> str:
        """Returns it as it is kept, so that the same can be run again."""
        return KEYRING.seal(self._written(), CONTEXT)

    @classmethod
    def opened(cls, kept: str) -> Self:
        """Returns what was kept. Raises CannotOpen."""
        values = json.loads(KEYRING.open(kept, CONTEXT))
        credentials = Credentials(**values["credentials"]) if values["credentials"] else None
        return cls(**{**values, "credentials": credentials, "command": tuple(values["command"])})

    def _written(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @property
    def confidential(self) -> list[str]:
        """The values that no message may show, longest first."""
        found = {*self.environment.values(), self.credentials.password if self.credentials else ""}
        return sorted((each for each in found if each), key=len, reverse=True)
