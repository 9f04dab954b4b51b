"""The file that holds the last published checkpoint of all, outside of the database: what tells when that went back."""

from pathlib import Path

from models import durable


def read(file: Path) -> str | None:
    """Returns the note that was published last; None before the first. Raises OSError, UnicodeDecodeError."""
    try:
        return file.read_text()
    except FileNotFoundError:
        return None


def write(file: Path, note: str) -> None:
    """Replace it, so that after a power cut it is the one or the other. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    durable.write(file, note)


def put_aside(file: Path, epoch: int) -> None:
    """Keep what an epoch has published last under another name. Raises OSError."""
    if file.exists():
        file.replace(file.with_name(f"{file.name}.{epoch}"))
