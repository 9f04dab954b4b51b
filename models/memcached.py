"""A memcached: a cache of one or more nodes in a project."""

from sqlalchemy import Integer, String
from sqlalchemy.orm import Mapped

from models.activity import Action
from models.field import NAME_MOST, Field, Shape, column
from models.resource import Resource
from models.usage import Usage


class Memcached(Resource):
    """A cache of one or more nodes, reached by its handle."""

    __tablename__ = "memcached"
    noun, plural, end_action, called_by = "memcached", "memcached", Action.TERMINATE, "name"
    runs, USES = True, "0, 0, memory_mib * nodes"

    name: Mapped[str] = column(String(77), Field("Name", most=NAME_MOST))
    memory_mib: Mapped[int] = column(
        Integer,
        Field(
            "Memory (MiB)",
            Shape.CHOICE,
            choices=(64, 128, 256, 512, 1024, 2048, 4096, 8192),
            default=256,
            hint="A node.",
        ),
    )
    nodes: Mapped[int] = column(Integer, Field("Nodes", Shape.NUMBER, least=1, most=9, default=1))
    max_item_mib: Mapped[int] = column(Integer, Field("Largest item (MiB)", Shape.NUMBER, least=1, most=128, default=1))

    @property
    def uses(self) -> Usage:
        """Memory of all its nodes."""
        return Usage(cache_mib=self.memory_mib * self.nodes)
