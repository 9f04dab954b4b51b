"""What a page says of the change that led to it: a sentence, and the entry that tells it for good."""

from collections.abc import Sequence

from flask import flash, g

from models.log.record import Record
from web.addresses import address

UNCHANGED = "Nothing changed, nothing was recorded."


def keep(written: Sequence[Record]) -> None:
    """Keeps which entries this request has written, the person's own first."""
    g.written = [*g.get("written", ()), *written]


def tell(message: str, org: str | None = None) -> None:
    """Says on the next page what was done, with its entry; or that nothing was, since nothing differed.

    `org` is the organisation's handle, where the address of the request does not name it.
    """
    written: list[Record] = g.pop("written", [])
    if not written:
        flash(UNCHANGED, "notice")
        return
    number = written[0].number
    entry = address("activity.entry", org=org or g.organisation.handle, number=number)
    flash({"told": message, "number": number, "entry": entry})  # type: ignore[arg-type]
