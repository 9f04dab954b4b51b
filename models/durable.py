"""Files that are on the disk, whatever fails at whatever moment: as a whole, and under their name."""

import os
from pathlib import Path


def write(file: Path, text: str, mode: int = 0o644) -> None:
    """Replace what a file holds: it has all of its old text or all of the new. One writer a process. Raises OSError."""
    making = file.with_name(f"{file.name}.{os.getpid()}")
    making.unlink(missing_ok=True)
    with os.fdopen(os.open(making, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    making.replace(file)
    sync_folder(file.parent)


def sync_folder(folder: Path) -> None:
    """Keep the names in a folder: else one that is new may be lost with the power. Raises OSError."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
