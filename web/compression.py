"""Answers compressed for browsers that take gzip, except where their length would give something away (BREACH).

Who can read lengths on the wire and have a guess put beside a hidden value sees when it is right, since the answer gets
shorter. So what is compressed holds no hidden value that stays the same, or nothing that somebody else could have put
there:

* The token of forms looks different in every answer (`web.form_token.masked`).
* An answer that is never stored, since it shows or bears a link that opens something, is left as it is.
* So is an answer to a form, which shows again what was sent, and whatever a page of another site has asked for.
* So is the output of what runs (`keep_plain`): strangers write into it with every request that they send.
"""

import zlib
from functools import lru_cache
from typing import NamedTuple

from flask import Flask, Response, g, request

from models.settings import Settings
from web.form_token import FROM_US

GZIP = "gzip"
HEADER = "Accept-Encoding"
# With its head, less fits into one packet either way.
LEAST_BYTES = 1000
TEXTS = frozenset({"application/json", "image/svg+xml"})


class Effort(NamedTuple):
    """How zlib is to compress: its level, the bits of its window, and how much memory it may have."""

    level: int
    window: int
    memory: int


# A page gets eleven times smaller in a sixth of the time that it takes to make. Its rows resemble each other, so a
# small window finds as much and is set up sooner. Brotli makes a page half a kB smaller still: less than a packet.
ONE_ANSWER = Effort(3, 13, 6)
KEPT = Effort(9, 15, 9)
# zlib's own word for gzip's head and foot, added to the bits of the window.
AS_GZIP = 16


def attach(app: Flask, _: Settings) -> None:
    """Compress what the views of `app` answer."""

    @app.after_request
    def compress(response: Response) -> Response:
        if takes_gzip(request.environ.get("HTTP_ACCEPT_ENCODING", "")) and _is_worth_it(response) and _tells_nothing():
            response.set_data(packed(response.get_data(), ONE_ANSWER))
            response.headers["Content-Encoding"] = GZIP
        return response


def keep_plain() -> None:
    """Leaves the answer under way as it is."""
    g.kept_plain = True


def is_text(mimetype: str) -> bool:
    """Whether something of this type gets shorter."""
    return mimetype.startswith("text/") or mimetype in TEXTS


def packed(content: bytes, effort: Effort = KEPT) -> bytes:
    """Returns it in gzip's format (RFC 1952), without a time, so that the same always becomes the same."""
    packing = zlib.compressobj(effort.level, zlib.DEFLATED, AS_GZIP + effort.window, effort.memory)
    return packing.compress(content) + packing.flush()


@lru_cache(maxsize=1000)
def takes_gzip(accepted: str) -> bool:
    """Whether a browser that says this takes gzip (RFC 9110, section 12.5.3)."""
    wanted: dict[str, float] = {}
    for each in accepted.lower().split(","):
        name, _, weight = each.partition(";")
        wanted[name.strip()] = _weight(weight)
    return wanted.get(GZIP, wanted.get("*", 0)) > 0


def _weight(said: str) -> float:
    try:
        return float(said.strip().removeprefix("q=")) if said.strip() else 1
    except ValueError:
        return 0


def _is_worth_it(response: Response) -> bool:
    """Whether it is a text of some length that is there as a whole; whoever streams sends what there is at once."""
    return (
        response.status_code not in (204, 206, 304)
        and response.is_sequence
        and not response.direct_passthrough
        and is_text(response.mimetype or "")
        # An ETag is that of certain bytes.
        and not ("Content-Encoding" in response.headers or "ETag" in response.headers)
        and (response.calculate_content_length() or 0) >= LEAST_BYTES
    )


def _tells_nothing() -> bool:
    return request.method in ("GET", "HEAD") and g.get("stored", True) and "kept_plain" not in g and _is_asked_by_us()


def _is_asked_by_us() -> bool:
    """Whether no other site can have chosen what is asked for.

    Browsers without the header say nothing of it: they get what cannot be chosen, an address without a query.
    """
    site = request.headers.get("Sec-Fetch-Site")
    return site in FROM_US if site is not None else not request.query_string
