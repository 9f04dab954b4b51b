"""A secret: a value that containers get and nobody sees."""

from sqlalchemy.orm import Mapped

from models.field import VARIABLE_MOST_BYTES, Field, Logged, Shape, column
from models.kinds.resource import Fact, Resource
from models.log.record import Action
from models.sealed import Sealed


class Secret(Resource):
    """A sealed value that containers receive as an environment variable."""

    __tablename__ = "secrets"
    noun, plural, end_action = "secret", "secrets", Action.DELETE
    icon, blurb = "key-round", "A sealed value that containers get and nobody sees."
    DETAIL = "upper(replace(handle, '-', '_'))"

    value: Mapped[str] = column(
        Sealed("secrets.value"),
        Field(
            "Value",
            Shape.SECRET,
            Logged.FACT,
            most=32_768,
            most_bytes=VARIABLE_MOST_BYTES,
            hint="Encrypted; never shown again.",
        ),
        deferred=True,
    )

    @property
    def facts(self) -> list[Fact]:
        """What its page shows, with the name that the value has in containers."""
        return [*super().facts, Fact("In containers", self.as_environment_name, exact=True)]

    @property
    def as_environment_name(self) -> str:
        """The name of the variable, DB_PASSWORD for `db-password`; a form for variables takes every one of them."""
        return self.handle.replace("-", "_").upper()
