"""What the container engine is told to run, with sealed values in clear."""

from dataclasses import dataclass, field


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
    def confidential(self) -> list[str]:
        """The values that no message may show, longest first."""
        found = {*self.environment.values(), self.credentials.password if self.credentials else ""}
        return sorted((each for each in found if each), key=len, reverse=True)
