"""A secret: a value that containers get and nobody sees."""

from sqlalchemy.orm import Mapped

from models.field import Field, Logged, Shape, column
from models.kinds.resource import Fact, Resource
from models.log.record import Action
from models.sealed import Sealed


class Secret(Resource):
    """A sealed value; containers that link it get it as an environment variable."""

    __tablename__ = "secrets"
    noun, plural, end_action = "secret", "secrets", Action.DELETE
    icon, blurb = "key-round", "A sealed value that containers get and nobody sees."
    DETAIL = "upper(replace(handle, '-', '_'))"

    value: Mapped[str] = column(
        Sealed("secrets.value"),
        Field("Value", Shape.SECRET, Logged.FACT, most=32_768, hint="Encrypted; never shown again."),
        deferred=True,
    )

    @property
    def facts(self) -> list[Fact]:
        """As every kind, and what containers call it."""
        return [*super().facts, Fact("In containers", self.as_environment_name, exact=True)]

    @property
    def as_environment_name(self) -> str:
        """`db-password` reaches containers as DB_PASSWORD."""
        return self.handle.replace("-", "_").upper()
