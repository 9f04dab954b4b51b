"""Who does something, and through which door."""

from dataclasses import dataclass
from enum import StrEnum


class Door(StrEnum):
    """Where an action came in."""

    WEB = "web"
    API = "api"
    WORKER = "worker"
    CLI = "cli"


@dataclass(frozen=True)
class Actor:
    """A person in the role they have in the organisation concerned, or the system (`id` None)."""

    id: int | None
    name: str
    role: str | None
    door: Door


SYSTEM_NAME = "system"
SYSTEM = Actor(None, SYSTEM_NAME, None, Door.WORKER)
