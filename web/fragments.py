"""Pages and fragments share an address: htmx gets the part it swaps, everyone else the page."""

from functools import lru_cache
from typing import Any

from flask import Response, current_app, make_response, render_template, request
from markupsafe import Markup

KEPT_MOST = 20_000


def wants_fragment() -> bool:
    """Whether htmx asked for a part of the page; a boosted link or a restored page wants all of it."""
    headers = request.headers
    return (
        headers.get("HX-Request") == "true"
        and headers.get("HX-Boosted") != "true"
        and headers.get("HX-History-Restore-Request") != "true"
    )


def render(template: str, fragment: str | None = None, /, status: int = 200, **context: Any) -> Response:
    """The page, or its fragment when htmx asked for that."""
    chosen = fragment if fragment and wants_fragment() else template
    response = make_response(render_template(chosen, **context), status)
    if fragment:
        response.vary.add("HX-Request")
    return response


def once(template: str, **values: Any) -> Markup:
    """A fragment that depends on `values` alone, rendered once a process for the same ones.

    Entries never change, and a page's frame is the same until the person, their role or the organisation is another.
    """
    return _once(template, tuple(values.items()))


@lru_cache(maxsize=KEPT_MOST)
def _once(template: str, values: tuple[tuple[str, Any], ...]) -> Markup:
    rendered = current_app.jinja_env.get_template(template).render(dict(values))
    return Markup(rendered.strip())  # noqa: S704 (a template's own output, escaped there)
