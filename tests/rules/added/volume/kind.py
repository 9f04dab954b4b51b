"""A volume: room on a disk in a project."""

from sqlalchemy import Integer, String
from sqlalchemy.orm import Mapped

from models.billing.usage import Usage
from models.field import NAME_MOST, Field, Shape, column
from models.kinds.resource import Resource
from models.log.record import Action


class Volume(Resource):
    """Room on a disk, paid for like a share of its size in memory."""

    __tablename__ = "volumes"
    noun, plural, end_action, called_by = "volume", "volumes", Action.TERMINATE, "name"
    icon, blurb = "hard-drive", "Room on a disk that outlives what writes to it."
    USES, DETAIL = "0, size_gib * 16, 0", "size_gib || ' GiB'"

    name: Mapped[str] = column(String(77), Field("Name", most=NAME_MOST))
    size_gib: Mapped[int] = column(Integer, Field("Size (GiB)", Shape.NUMBER, least=1, most=4096, default=10))

    @property
    def uses(self) -> Usage:
        """Sixteen MiB of memory for each GiB."""
        return Usage(memory_mib=self.size_gib * 16)
