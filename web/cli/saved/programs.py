"""PostgreSQL's own programs that save a database and bring it back, in a version that fits its server."""

import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import click
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from web.cli.local import embedded
from web.cli.local.server import CannotStart

# Where packages keep them, several versions side by side: Debian's, Red Hat's, Homebrew's.
FOLDERS = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql@*/bin")
VERSION = re.compile(r"\(PostgreSQL[^)]*\) (\d+)")


class Program(NamedTuple):
    """A program, and the version of PostgreSQL that it is of."""

    path: Path
    major: int


def fitting(name: str, least: int, best: int) -> Program:
    """Returns the program of version `best` if there is one, else the oldest that is not older than `least`.

    Raises ClickException: an older one does not understand what it is to read.
    """
    found = sorted(_all(name), key=lambda each: each.major)
    able = [each for each in found if each.major >= least]
    if not able:
        seen = ", ".join(str(each.major) for each in found) or "none"
        raise click.ClickException(
            f"{name} of PostgreSQL {least} or newer is needed, and there is {seen} here. Install PostgreSQL's client "
            f"programs of version {best} (Debian: postgresql-client-{best}), and have them in PATH."
        )
    return next((each for each in able if each.major == best), able[0])


def reaching(url: str) -> tuple[str, dict[str, str]]:
    """Returns how a program reaches the database, without the password, and its environment, which holds that.

    A command line can be read by everyone on the machine.
    """
    parts = conninfo_to_dict(url)
    password = parts.pop("password", None)
    environ = {**os.environ, **({"PGPASSWORD": str(password)} if password else {})}
    return make_conninfo("", **parts), environ


def _all(name: str) -> Iterator[Program]:
    folders = [*_in_path(), *(each for pattern in FOLDERS for each in sorted(Path("/").glob(pattern)))]
    with suppress(CannotStart):
        # Last: they are built without TLS, which a server elsewhere may ask for.
        folders.append(embedded.programs())
    yield from _versions(folder / name for folder in dict.fromkeys(folders))


def _in_path() -> Iterable[Path]:
    return [Path(each) for each in os.get_exec_path() if each]


def _versions(paths: Iterable[Path]) -> Iterator[Program]:
    for path in paths:
        if os.access(path, os.X_OK):
            said = subprocess.run([str(path), "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
            if found := VERSION.search(said):
                yield Program(path, int(found[1]))
