"""Start a program that ends when the process that started it dies and, if need be, runs as an ordinary user.

This file is run as a script by its path, on the standard library alone: nothing of ours runs between fork and exec,
where another thread could hold a lock, and a start costs some 30 ms. Not every system has setpriv, or all of it.

An ordinary user may not pass through root's folders, such as /root, and gets no right of root's to do so: with it, a
PostgreSQL that is broken into could read and write every file of the machine. The program gets a view of the file
system of its own instead (mount_namespaces(7)), in which those folders hold nothing but what it needs.
"""

import ctypes
import os
import signal
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

# From <linux/prctl.h>, <linux/sched.h> and <linux/mount.h>.
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS = 1, 38
CLONE_NEWNS = 0x00020000
MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE = 0x2, 0x4, 0x1000, 0x4000, 0x40000


class User(NamedTuple):
    """An ordinary user, by number."""

    uid: int
    gid: int


def command(
    program: list[str], ending: signal.Signals, user: User | None = None, folders: Sequence[Path] = ()
) -> list[str]:
    """The command that runs `program` as `user`, and on Linux sends it `ending` when this process dies.

    `folders` are those that the user must reach, wherever they are.
    """
    whom = f"{user.uid}:{user.gid}" if user else "-"
    script = str(Path(__file__).resolve())
    resolved = [str(folder.resolve()) for folder in folders]
    given = [str(os.getpid()), str(int(ending)), whom, str(len(resolved)), *resolved]
    return [sys.executable, "-I", "-S", script, *given, *program]


def may_not_become(user: User, error: OSError) -> str:
    """The message for a root that may not become another user, as in a container without that capability."""
    return (
        f"PostgreSQL does not run as root, and this root may not become another user (uid {user.uid}: "
        f"{error.strerror}). Start it as an ordinary user, or set DATABASE_URL."
    )


def may_not_pass(user: User, folder: Path, reason: str) -> str:
    """The message for folders that the user does not reach."""
    return (
        f"PostgreSQL does not run as root, and another user (uid {user.uid}) may not pass through {folder} ({reason}). "
        f"Start it as an ordinary user; or keep it and DATA_DIR in a folder that everyone may pass through "
        f"(chmod o+x {folder}); or set DATABASE_URL."
    )


def main(parent: str, ending: str, whom: str, folders: str, *given: str) -> None:
    """Change the user if asked to, tie this process to its parent, and become the program."""
    needed, program = [Path(each) for each in given[: int(folders)]], given[int(folders) :]
    if whom != "-":
        uid, gid = whom.split(":")
        _become(User(int(uid), int(gid)), needed)
    # Set after the change of user, which would clear it.
    end_with(int(parent), int(ending))
    os.execv(program[0], program)  # noqa: S606 (our own programs)


def end_with(parent: int, ending: int) -> None:
    """Have this process get the signal `ending` when its parent dies (Linux); ends it if that is dead already."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, ending, 0, 0, 0)
        if os.getppid() != parent:
            sys.exit("The process that asked for this one is gone.")


def _become(user: User, folders: list[Path]) -> None:
    """From root, become `user` with no right of root's left, and none to be had again."""
    closed = list(dict.fromkeys(_closed(user, folders)))
    if closed:
        _open_a_way(user, closed, folders)
    try:
        os.setgroups([])
        os.setgid(user.gid)
        os.setuid(user.uid)
    except OSError as error:
        sys.exit(may_not_become(user, error))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def _closed(user: User, folders: list[Path]) -> Iterator[Path]:
    """The first folder on the way to each that the user may not pass through."""
    for folder in folders:
        for part in (*reversed(folder.parents), folder):
            found = part.stat()
            bit = stat.S_IXOTH
            if found.st_uid == user.uid:
                bit = stat.S_IXUSR
            elif found.st_gid == user.gid:
                bit = stat.S_IXGRP
            if not found.st_mode & bit:
                if part == folder:
                    sys.exit(may_not_pass(user, folder, "it is closed itself"))
                yield part
                break


def _open_a_way(user: User, closed: list[Path], folders: list[Path]) -> None:
    """Cover each closed folder with an empty one, in this process's view alone, and put what is needed into that."""
    if sys.platform != "linux":
        sys.exit(may_not_pass(user, closed[0], "only Linux has a way around it"))
    try:
        _call("unshare", CLONE_NEWNS)
        _mount("none", Path("/"), None, MS_REC | MS_PRIVATE)
        held = [os.open(folder, os.O_PATH) for folder in folders]
        for folder in closed:
            _mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m")
        os.umask(0o022)
        for folder, descriptor in zip(folders, held, strict=True):
            if any(folder.is_relative_to(each) for each in closed):
                folder.mkdir(parents=True, exist_ok=True)
                _mount(f"/proc/self/fd/{descriptor}", folder, None, MS_BIND | MS_REC)
    except OSError as error:
        sys.exit(may_not_pass(user, closed[0], f"nor may this root open a way: {error.strerror}"))


def _mount(source: str, target: Path, kind: str | None, flags: int, data: str | None = None) -> None:
    encoded = [None if each is None else os.fsencode(each) for each in (source, target, kind, data)]
    _call("mount", *encoded[:3], ctypes.c_ulong(flags), encoded[3])


def _call(name: str, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    main(*sys.argv[1:])
