"""The file of a backup: a zip that holds what the backup says of itself, and PostgreSQL's own dump.

`unzip -p FILE database.dump | pg_restore …` reads it without us.
"""

import os
import shutil
import subprocess
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import click

from web.cli.saved.contents import Contents, NewerFormat, printable

CONTENTS, DUMP = "contents.json", "database.dump"
BLOCK = 1024 * 1024
# What reading a zip raises that is none, not whole, sealed, or packed in a way that we do not know.
NO_BACKUP = (BadZipFile, zlib.error, KeyError, ValueError, EOFError, RuntimeError)


@contextmanager
def new(file: Path) -> Iterator[ZipFile]:
    """A new file that its owner alone can read, and that is there as a whole or not at all. Raises ClickException."""
    making = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        descriptor = os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}.") from None
    try:
        with os.fdopen(descriptor, "wb") as out:
            with ZipFile(out, "w", ZIP_STORED) as archive:
                yield archive
            out.flush()
            os.fsync(out.fileno())
        making.rename(file)
    finally:
        making.unlink(missing_ok=True)


def write_contents(archive: ZipFile, contents: Contents) -> None:
    """Add what the backup says of itself."""
    archive.writestr(CONTENTS, contents.to_json())


def write_dump(archive: ZipFile, command: list[str], environ: dict[str, str]) -> None:
    """Add what a program writes to its output. Raises ClickException with what it says when it fails."""
    with _program(command, environ) as program, archive.open(ZipInfo(DUMP), "w", force_zip64=True) as into:
        assert program.stdout
        shutil.copyfileobj(program.stdout, into, BLOCK)


def read_contents(file: Path) -> Contents:
    """Returns what a backup says of itself, once every byte of the file was found to be what was written.

    Raises ClickException.
    """
    try:
        with ZipFile(file) as archive:
            found = Contents.from_json(archive.read(CONTENTS))
            archive.getinfo(DUMP)
            damaged = archive.testzip()
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error.strerror}.") from None
    except NewerFormat as newer:
        raise click.ClickException(f"{file} was made by a newer version ({newer}): restore it with that.") from None
    except NO_BACKUP:
        raise click.ClickException(f"{file} is not a backup, or not all of one.") from None
    if damaged:
        raise click.ClickException(f"{file} is damaged: {printable(damaged)} is not what was written.")
    return found


def feed_dump(file: Path, command: list[str], environ: dict[str, str]) -> None:
    """Give the dump to a program's input. Raises ClickException with what it says when it fails."""
    with ZipFile(file) as archive, archive.open(DUMP) as dump, _program(command, environ) as program:
        assert program.stdin
        # One that gives up no longer reads; its status says so.
        with suppress(BrokenPipeError):
            shutil.copyfileobj(dump, program.stdin, BLOCK)
        with suppress(BrokenPipeError):
            program.stdin.close()


@contextmanager
def _program(command: list[str], environ: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    # To a file: nobody reads a pipe of errors meanwhile, and a full one would stop the program.
    with TemporaryFile() as errors:
        program = subprocess.Popen(  # noqa: S603 (PostgreSQL's)
            command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
        )
        try:
            yield program
            status = program.wait()
        finally:
            program.kill()
            program.wait()
            for pipe in (program.stdin, program.stdout):
                if pipe:
                    with suppress(OSError):
                        pipe.close()
        if status:
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip()[-2000:]
            # It quotes what it was given.
            lines = "\n".join(map(printable, said.split("\n")))
            raise click.ClickException(f"{Path(command[0]).name} failed:\n{lines}")
