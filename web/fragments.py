"""Pages and fragments share an address: htmx gets the part it swaps, everyone else the page."""

from typing import Any

from flask import Response, make_response, render_template, request


def wants_fragment() -> bool:
    """Whether htmx asked for a part of the page; a boosted link or a restored page wants all of it."""
    headers = request.headers
    return (
        headers.get("HX-Request") == "true"
        and headers.get("HX-Boosted") != "true"
        and headers.get("HX-History-Restore-Request") != "true"
    )


def render(page: str, fragment: str | None = None, status: int = 200, **context: Any) -> Response:
    """The page, or its fragment when htmx asked for that."""
    template = fragment if fragment and wants_fragment() else page
    response = make_response(render_template(template, **context), status)
    if fragment:
        response.vary.add("HX-Request")
    return response
