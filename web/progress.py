"""How far the worker is with a deletion, as the page that waits for it shows it."""

from dataclasses import dataclass

from models.job import Progress


@dataclass(frozen=True)
class Shown:
    """What the progress templates show; the fragment asks for itself at `url` until it is finished."""

    what: str
    kind: str
    done: int
    total: int | None
    finished: bool
    stuck: bool
    error: str | None
    cause_number: int
    url: str


def shown(found: Progress | None, url: str, what: str) -> Shown | None:
    """The progress of a job for the templates; None when there is no job."""
    if found is None:
        return None
    return Shown(
        what,
        found.work,
        found.done,
        found.total,
        found.finished,
        found.stuck,
        found.error,
        found.cause_number,
        url,
    )
