"""Faults: why an engine does not do what is asked of it, by kind.

What an engine says itself names paths of its host and may quote what a person has typed: it is for the log of the
process, and these words are for everyone else.
"""

from enum import StrEnum


class Fault(StrEnum):
    """A kind of fault; `words` completes "it waits: …" and "the engine refused it: …"."""

    # The engine's own: whoever asked did nothing wrong, and it is tried again until the engine can.
    DISK_FULL = "disk_full"
    NO_NETWORKS = "no_networks"
    FAILED = "failed"
    # Of what was asked for: trying it again changes nothing.
    TOO_MANY_CPUS = "too_many_cpus"
    TOO_LITTLE_MEMORY = "too_little_memory"
    NO_PROGRAM = "no_program"
    NO_RIGHT = "no_right"
    BAD_IMAGE = "bad_image"
    IN_USE = "in_use"
    REFUSED = "refused"

    @property
    def words(self) -> str:
        """What it is called, for people."""
        return WORDS[self]

    @property
    def is_engines(self) -> bool:
        """Whether the engine is at fault, and not what was asked of it."""
        return self in ENGINES


ENGINES = frozenset({Fault.DISK_FULL, Fault.NO_NETWORKS, Fault.FAILED})
WORDS = {
    Fault.DISK_FULL: "the disk of the container engine is full",
    Fault.NO_NETWORKS: "the container engine has no addresses left for another network",
    Fault.FAILED: "the container engine has an error of its own",
    Fault.TOO_MANY_CPUS: "it may use more CPUs than the engine has",
    Fault.TOO_LITTLE_MEMORY: "its memory is less than the engine allows",
    Fault.NO_PROGRAM: "the program that the image starts is not in it",
    Fault.NO_RIGHT: "the program that the image starts may not be run",
    Fault.BAD_IMAGE: "its user, its folder or its processor is not what the image says",
    Fault.IN_USE: "something else uses it",
    Fault.REFUSED: "the operator finds the reason in the log of the runtime process",
}
