"""Writing a file so that, whatever fails at whatever moment, it holds all of its old text or all of the new."""

import os
from pathlib import Path


def write(file: Path, text: str, mode: int = 0o644) -> None:
    """Replace what a file holds; on the disk when this returns. One writer at a time. Raises OSError."""
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    new.replace(file)
    # Without it, the rename may be lost with the power.
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
