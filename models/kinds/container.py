"""A container: an image kept running in a project."""

from typing import Any, TypeVar

from sqlalchemy import ARRAY, Integer, String, select
from sqlalchemy.orm import Mapped

from models.billing.usage import Usage
from models.database import db
from models.field import NAME_MOST, VARIABLE_MOST_BYTES, Field, Logged, Shape, column
from models.kinds import environment, images, ports
from models.kinds.registry import Registry
from models.kinds.running import Running
from models.kinds.secret import Secret
from models.kinds.specification import Credentials, Specification
from models.log.record import Action, Changes
from models.sealed import Sealed

Linked = TypeVar("Linked", Registry, Secret)
# A tag or digest is required: an implied "latest" would change what runs without an entry that says so.
IMAGE = r"[a-z0-9][a-zA-Z0-9._/:-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|@sha256:[0-9a-f]{64})"


class Container(Running):
    """An image kept running in a project."""

    __tablename__ = "containers"
    noun, plural, end_action, called_by = "container", "containers", Action.TERMINATE, "name"
    icon, blurb = "container", "An image kept running."
    USES, DETAIL = "cpu_millicores, memory_mib, 0", "image"

    name: Mapped[str] = column(String(77), Field("Name", most=NAME_MOST))
    image: Mapped[str] = column(
        String(255),
        Field(
            "Image",
            most=255,
            pattern=IMAGE,
            complaint="Name the image with a tag or digest, such as nginx:1.28.",
            hint="With an explicit tag or digest, such as nginx:1.28.",
        ),
    )
    registry_handle: Mapped[str | None] = column(
        String(51),
        Field(
            "Registry",
            Shape.REFERENCE,
            required=False,
            refers_to="registries",
            hint="Whose credentials pull it.",
        ),
    )
    port: Mapped[int] = column(
        Integer,
        Field(
            "Port",
            Shape.NUMBER,
            least=1,
            most=65535,
            default=8080,
            hint="Where it listens. Left empty: the usual one of a well-known image, or 8080.",
            hint_to_edit="",
            proposed_from="image",
            proposed=ports.usual,
        ),
    )
    health_path: Mapped[str] = column(
        String(255),
        Field(
            "Health check path",
            most=255,
            required=False,
            default="",
            pattern=r"/[!-~]*",
            complaint="Begin the path with a slash, such as /health, and leave no spaces in it.",
            hint="Optional. Asked over HTTP on the port above.",
        ),
    )
    cpu_millicores: Mapped[int] = column(
        Integer,
        Field("CPU (millicores)", Shape.NUMBER, least=20, most=64_000, default=250, hint="1,000 are one core."),
    )
    memory_mib: Mapped[int] = column(
        Integer, Field("Memory (MiB)", Shape.NUMBER, least=64, most=1_048_576, default=256)
    )
    environment: Mapped[str] = column(
        Sealed("containers.environment"),
        Field(
            "Environment variables",
            Shape.LINES,
            Logged.FACT,
            most=32_768,
            most_bytes=VARIABLE_MOST_BYTES,
            required=False,
            default="",
            masked=environment.masked,
            hint="One NAME=value a line. Encrypted; values are never shown again.",
            hint_to_edit="One NAME=value a line. Encrypted; values are never shown again: leave the dots to keep one.",
        ),
        default="",
        deferred=True,
    )
    secrets: Mapped[list[str]] = column(
        ARRAY(String(51)),
        Field(
            "Secrets",
            Shape.REFERENCES,
            required=False,
            refers_to="secrets",
            hint="db-password reaches the container as DB_PASSWORD.",
        ),
    )

    @property
    def uses(self) -> Usage:
        """The CPU and memory it may use."""
        return Usage(cpu_millicores=self.cpu_millicores, memory_mib=self.memory_mib)

    @property
    def reached_at(self) -> str:
        """Its handle and port."""
        return f"{self.handle}:{self.port}"

    @property
    def deployed_as(self) -> str:
        """Its image."""
        return self.image

    def require_consistent(self) -> None:
        """Checks also that the image is one of its registry. Raises Invalid."""
        super().require_consistent()
        if (registry := self._registry()) is not None:
            images.address(registry.server, self.image)

    def specification(self) -> Specification:
        """Returns what the engine is told to run; a linked secret wins over a variable of the same name.

        Raises Invalid for an image that its registry cannot have, which could be stored once.
        """
        secrets = {each.as_environment_name: each.value for each in self._linked(Secret, self.secrets)}
        registry = self._registry()
        credentials = None
        image = self.image
        if registry is not None:
            credentials = Credentials(registry.server, registry.handle, registry.username, registry.password)
            image = images.address(registry.server, image)
        return Specification(
            image,
            self.image,
            self.port,
            self.memory_mib,
            self.cpu_millicores,
            self.health_path,
            credentials=credentials,
            environment={**environment.stored_variables(self.environment), **secrets},
        )

    def _registry(self) -> Registry | None:
        return next(iter(self._linked(Registry, [self.registry_handle] if self.registry_handle else [])), None)

    def _linked(self, kind: type[Linked], handles: list[str]) -> list[Linked]:
        if not handles:
            return []
        mine = select(kind).where(
            kind.organisation_id == self.organisation_id,
            kind.project_id == self.project_id,
            kind.handle.in_(handles),
            kind.ended_at.is_(None),
        )
        return list(db.session.scalars(mine))

    def assign(self, values: dict[str, Any]) -> Changes:
        """Takes the values that differ; a variable whose value was left as dots keeps it. Raises Invalid."""
        return super().assign(self._with_kept_variables(values))

    def fill(self, values: dict[str, Any]) -> Changes:
        """Gives a new container its first values, its variables checked line by line. Raises Invalid."""
        return super().fill(self._with_kept_variables(values))

    def _with_kept_variables(self, values: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(values.get("environment"), str):
            return values
        return {**values, "environment": environment.merged(self.environment or "", values["environment"])}
