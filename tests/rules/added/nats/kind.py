"""A NATS: a broker of messages in a project."""

from sqlalchemy import Integer, String
from sqlalchemy.orm import Mapped

from models.billing.usage import Usage
from models.field import NAME_MOST, Field, Shape, column
from models.kinds.running import Running
from models.kinds.specification import Specification
from models.log.record import Action

IMAGE = "nats:2.12"
PORT = 4222


class Nats(Running):
    """A broker of messages, reached by its handle."""

    __tablename__ = "nats"
    noun, plural, end_action, called_by = "nats", "nats", Action.TERMINATE, "name"
    icon, blurb = "inbox", "A broker of messages."
    USES, DETAIL = "0, memory_mib, 0", "memory_mib || ' MiB'"

    name: Mapped[str] = column(String(77), Field("Name", most=NAME_MOST))
    memory_mib: Mapped[int] = column(Integer, Field("Memory (MiB)", Shape.NUMBER, least=64, most=4096, default=128))

    @property
    def uses(self) -> Usage:
        """Its memory."""
        return Usage(memory_mib=self.memory_mib)

    @property
    def reached_at(self) -> str:
        """By its handle, on its port."""
        return f"{self.handle}:{PORT}"

    @property
    def deployed_as(self) -> str:
        """Its size."""
        return f"{self.memory_mib} MiB"

    def specification(self) -> Specification:
        """One container of the broker's image."""
        return Specification(IMAGE, IMAGE, PORT, self.memory_mib)
