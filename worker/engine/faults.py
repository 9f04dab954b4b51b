"""Telling faults apart by what an engine answers."""

import re

from models.jobs.fault import Fault

ERROR = 500
DISK_FULL = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
# Engines answer with one status or another; nobody has a say in how a network is made.
NETWORKS = re.compile(r"^(could not find an available|all predefined address pools)", re.IGNORECASE)
OF_PROGRAMS = re.compile(r"OCI runtime|starting container process|exec: ", re.IGNORECASE)
PROGRAMS = (
    (Fault.NO_PROGRAM, re.compile(r"executable file not found|no such file or directory", re.IGNORECASE)),
    (Fault.NO_RIGHT, re.compile(r"permission denied", re.IGNORECASE)),
)
ASKED = (
    (Fault.BAD_IMAGE, re.compile(r"unable to find user|no matching entries in|not a directory|exec format error")),
    (Fault.TOO_MANY_CPUS, re.compile(r"range of CPUs is from", re.IGNORECASE)),
    (Fault.TOO_LITTLE_MEMORY, re.compile(r"minimum memory limit", re.IGNORECASE)),
    (Fault.IN_USE, re.compile(r"has active endpoints|resource busy|is already in progress", re.IGNORECASE)),
)


class EngineFault(Exception):
    """The engine cannot do it now, through no fault of who asked: it is to be tried again."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.words)
        self.fault = fault


def recognised(status: int, said: str) -> Fault:
    """Which fault an engine's answer tells of."""
    if NETWORKS.search(said):
        return Fault.NO_NETWORKS
    # What a person has typed is refused with 400: nobody can have the engine say that its disk is full.
    if status >= ERROR and DISK_FULL.search(said):
        return Fault.DISK_FULL
    rules = (*ASKED, *(PROGRAMS if OF_PROGRAMS.search(said) else ()))
    found = next((fault for fault, pattern in rules if pattern.search(said)), None)
    return found or (Fault.FAILED if status >= ERROR else Fault.REFUSED)
