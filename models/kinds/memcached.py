"""A memcached: a cache of one or more nodes in a project."""

from sqlalchemy import Integer, String
from sqlalchemy.orm import Mapped

from models.billing.usage import Usage
from models.field import NAME_MOST, Field, Shape, column
from models.kinds.running import Running
from models.kinds.specification import Specification
from models.log.record import Action

IMAGE = "memcached:1.6"
PORT = 11211
# Besides what it caches, memcached needs memory for connections, its hash table and itself.
OVERHEAD_MIB = 64


class Memcached(Running):
    """A cache of one or more nodes, reached by its handle."""

    __tablename__ = "memcached"
    noun, plural, end_action, called_by = "memcached", "memcached", Action.TERMINATE, "name"
    icon, blurb = "memory-stick", "A cache of one or more nodes."
    USES, NODES, DETAIL = "0, 0, memory_mib * nodes", "nodes", "nodes || ' × ' || memory_mib || ' MiB'"

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
        """The memory of all its nodes."""
        return Usage(cache_mib=self.memory_mib * self.nodes)

    @property
    def reached_at(self) -> str:
        """Its handle and memcached's port."""
        return f"{self.handle}:{PORT}"

    @property
    def deployed_as(self) -> str:
        """Its nodes and their size."""
        return f"{self.nodes} × {self.memory_mib} MiB"

    def specification(self) -> Specification:
        """Returns what the engine is told to run: a container for each node."""
        command = ("memcached", "-m", str(self.memory_mib), "-I", f"{self.max_item_mib}m", "-p", str(PORT))
        memory = self.memory_mib + max(OVERHEAD_MIB, self.memory_mib // 8)
        return Specification(IMAGE, IMAGE, PORT, memory, command=command, nodes=self.nodes)
