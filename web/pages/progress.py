"""How far the worker is with a deletion, suspension or resumption, as the page that waits for it shows it."""

from dataclasses import dataclass
from typing import NamedTuple

from models.jobs.job import Progress, Trouble, Work
from models.people.standing import Here


class Words(NamedTuple):
    """How the page speaks of a job while it runs and once it is done."""

    doing: str
    done: str
    each: str


WORDS = {
    Work.DELETE_PROJECT: Words("Deleting {}", "{} is deleted.", "ended"),
    Work.DELETE_ORGANISATION: Words("Deleting {}", "{} is deleted.", "ended"),
    Work.SUSPEND: Words("Suspending what runs in {}", "Nothing runs in {} any more.", "suspended"),
    Work.RESUME: Words("Resuming what runs in {}", "Everything in {} runs again.", "resumed"),
    Work.CLEAN_UP: Words("Terminating what ran in {}", "{} is cleaned up.", "terminated"),
}


class Stuck(NamedTuple):
    """A job that failed too often."""

    doing: str
    address: str
    error: str


@dataclass(frozen=True)
class Shown:
    """What the progress templates show; the fragment asks for itself at `url` until it is finished."""

    doing: str
    end: str
    each: str
    done: int
    total: int | None
    finished: bool
    stuck: bool
    error: str | None
    cause_number: int
    url: str
    deleted: bool
    """Whether what it is about is deleted by now: what a page has read of that before may be older."""


def shown(found: Progress | None, url: str, what: str) -> Shown | None:
    """The progress of a job for the templates; None when there is no job."""
    if found is None:
        return None
    words = WORDS[Work(found.work)]
    return Shown(
        words.doing.format(what),
        words.done.format(what),
        words.each,
        found.done,
        found.total,
        found.finished,
        found.stuck,
        found.error,
        found.cause_number,
        url,
        found.state == "finished" and found.work in (Work.DELETE_PROJECT, Work.DELETE_ORGANISATION),
    )


def stuck(found: Trouble, here: Here) -> Stuck:
    """Says which work of an organisation waits for an operator, and why."""
    doing = WORDS[Work(found.work)].doing.format(found.project or here.name)
    return Stuck(doing, f"{here.id}/{found.id}", found.error or "unknown")
