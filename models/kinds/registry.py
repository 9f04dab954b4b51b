"""A registry: where images are pulled from, and with which credentials."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped

from models.field import Field, Logged, Shape, column
from models.kinds.resource import Resource
from models.log.record import Action
from models.sealed import Sealed


class Registry(Resource):
    """Where images are pulled from. The password is sealed and never shown again."""

    __tablename__ = "registries"
    noun, plural, end_action = "registry", "registries", Action.DELETE
    icon, blurb = "package", "Credentials for pulling private images."
    DETAIL = "server"

    server: Mapped[str] = column(
        String(255),
        Field(
            "Server",
            most=255,
            pattern=r"[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?",
            complaint="Enter a host name, with a port if needed, such as registry.example.com:5000.",
            hint="Such as registry.example.com:5000.",
        ),
    )
    username: Mapped[str] = column(String(255), Field("User name", most=255))
    password: Mapped[str] = column(
        Sealed("registries.password"),
        Field("Password", Shape.SECRET, Logged.FACT, most=4096, single_line=True, hint="Encrypted; never shown again."),
        deferred=True,
    )
