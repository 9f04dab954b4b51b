"""What a container engine is told to run, with everything opened that is sealed at rest."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Credentials:
    """How to sign in to a registry. Not in its `repr`: an error or a log line must not tell them."""

    server: str
    handle: str
    """What the registry is called here."""
    username: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True)
class Specification:
    """One revision of a resource, as an engine runs it. Its environment is not in its `repr`."""

    image: str
    """As it is pulled, with the registry's server before it."""
    named: str
    """The image as people wrote it."""
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
        """Values that no message may show, the longest first."""
        found = {*self.environment.values(), self.credentials.password if self.credentials else ""}
        return sorted((each for each in found if each), key=len, reverse=True)
