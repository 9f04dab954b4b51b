"""What a witness last cosigned of each log: a file a log, on the disk before anyone hears of it."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from models import durable
from models.log.proof.checkpoint import Checkpoint
from models.log.proof.note import BadNote, Note


class Damaged(Exception):
    """A file that does not say what was cosigned; starting again from nothing would cosign anything."""


class Memory:
    """What is known of one log, while nobody else looks at it."""

    def __init__(self, file: Path) -> None:
        """Raises Damaged."""
        self._file = file
        try:
            self.known = Checkpoint.parse(Note.parse(file.read_text()).text) if file.exists() else None
        except (BadNote, UnicodeDecodeError) as error:
            raise Damaged(f"{file} is damaged: {error}") from error

    def keep(self, note: Note) -> None:
        """Remember a checkpoint in place of the one before, whatever fails a moment later. Raises OSError."""
        durable.write(self._file, str(note))


@contextmanager
def remembered(folder: Path, origin: str) -> Iterator[Memory]:
    """Yield what is known of a log; whoever else asks for the same log, in any process, waits until the block ends.

    The kernel forgets the lock of a process that is killed. Raises Damaged.
    """
    # An origin may hold slashes and be longer than a file's name.
    file = folder / f"{sha256(origin.encode()).hexdigest()}.checkpoint"
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield Memory(file)
