"""Start a program that ends when the process that started it dies and, if need be, runs as an ordinary user.

This file is run as a script by its path, on the standard library alone: nothing of ours runs between fork and exec,
where another thread could hold a lock, and a start costs some 30 ms. Not every system has setpriv, or all of it.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path
from typing import NamedTuple

# From <linux/prctl.h>, <linux/securebits.h> and <linux/capability.h>.
PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_SET_SECUREBITS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 8, 28, 47, 2
SECBIT_NO_SETUID_FIXUP = 1 << 2
CAPABILITY_VERSION_3, CAP_DAC_OVERRIDE = 0x20080522, 1


class User(NamedTuple):
    """An ordinary user, by number."""

    uid: int
    gid: int


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Capabilities(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def command(program: list[str], ending: signal.Signals, user: User | None = None) -> list[str]:
    """The command that runs `program` as `user`, and on Linux sends it `ending` when this process dies."""
    whom = f"{user.uid}:{user.gid}" if user else "-"
    script = str(Path(__file__).resolve())
    return [sys.executable, "-I", "-S", script, str(os.getpid()), str(int(ending)), whom, *program]


def may_not_become(user: User, error: OSError) -> str:
    """The message for a root that may not become another user, as in a container without that capability."""
    return (
        f"PostgreSQL does not run as root, and this root may not become another user (uid {user.uid}: "
        f"{error.strerror}). Start it as an ordinary user, or set DATABASE_URL."
    )


def main(parent: str, ending: str, whom: str, *program: str) -> None:
    """Change the user if asked to, tie this process to its parent, and become `program`."""
    if whom != "-":
        uid, gid = whom.split(":")
        _become(User(int(uid), int(gid)))
    # Set after the change of user, which would clear it.
    end_with(int(parent), int(ending))
    os.execv(program[0], program)  # noqa: S606 (our own programs)


def end_with(parent: int, ending: int) -> None:
    """Have this process get the signal `ending` when its parent dies (Linux); ends it if that is dead already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, ending, 0, 0, 0)
        if os.getppid() != parent:
            sys.exit("The process that asked for this one is gone.")


def _become(user: User) -> None:
    """Change from root to `user`, keeping root's right to pass through folders: a clone may be below /root.

    Where that right cannot be kept (in a container without it), the folders must be open to `user`.
    """
    libc = ctypes.CDLL(None) if sys.platform == "linux" else None
    if libc:
        libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
        # Without this, access(2), by which PostgreSQL's programs find each other, looks at the user alone.
        libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    try:
        os.setgroups([])
        os.setgid(user.gid)
        os.setuid(user.uid)
    except OSError as error:
        sys.exit(may_not_become(user, error))
    if libc:
        one = 1 << CAP_DAC_OVERRIDE
        sets = (_Capabilities * 2)(_Capabilities(one, one, one), _Capabilities(0, 0, 0))
        if libc.capset(ctypes.byref(_Header(CAPABILITY_VERSION_3, 0)), sets) == 0:
            libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
