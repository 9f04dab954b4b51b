"""Pages and fragments share an address: htmx gets the part it swaps, everyone else the page."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from flask import Flask, Response, current_app, g, request
from markupsafe import Markup

from models.billing import suspension
from models.billing.suspension import Suspension
from models.people.standing import Person
from models.settings import Settings
from web import compression
from web.access import known_already, seal_of_log, signed_in

KEPT_MOST = 20_000
WHETHER_FRAGMENT = ("HX-Request", "HX-Boosted", "HX-History-Restore-Request")


def attach(app: Flask, _: Settings) -> None:
    """Let every answer say which headers it was chosen by, or a cache would show a fragment as a page."""

    @app.after_request
    def vary(response: Response) -> Response:
        response.headers["Vary"] = ", ".join([compression.HEADER, *g.get("asked_of_htmx", ())])
        return response


def of_htmx(header: str) -> str | None:
    """Returns a header of htmx; the answer then says that it depends on it."""
    return _asked((header,))[header]


def wants_fragment() -> bool:
    """Whether htmx asked for a part of the page; a boosted link or a restored page wants all of it."""
    found: bool | None = g.get("wants_fragment")
    if found is None:
        asked = _asked(WHETHER_FRAGMENT)
        asks, whole, again = (asked[each] == "true" for each in WHETHER_FRAGMENT)
        found = g.wants_fragment = asks and not whole and not again
    return found


def _asked(headers: Sequence[str]) -> dict[str, str | None]:
    """What the request says in these headers of htmx, and in those that were asked for before."""
    asked: dict[str, str | None] = g.setdefault("asked_of_htmx", {})
    sent = request.environ
    for each in headers:
        asked[each] = sent.get(f"HTTP_{each.upper().replace('-', '_')}")
    return asked


def shown_at(response: Response, address: str) -> Response:
    """Lets the browser show another address for the page than the one it followed, which says the same less exactly."""
    if of_htmx("HX-Boosted") == "true":
        response.headers.add("HX-Push-Url", address)
    return response


def render(template: str, fragment: str | None = None, /, status: int = 200, **context: Any) -> Response:
    """The page, or its fragment when htmx asked for that."""
    chosen = fragment if fragment and wants_fragment() else template
    return current_app.response_class(html(chosen, context), status)


def html(template: str, context: dict[str, Any]) -> bytes:
    """Renders a template with what every page knows: who is asking, and where."""
    return _html(template, context, signed_in(), _suspension(g.get("organisation")))


def html_of_failure(template: str, context: dict[str, Any]) -> bytes:
    """Renders the page of an error from what was read before it: the database may be what fails, and is not asked."""
    return _html(template, context, known_already(), None)


def _html(template: str, context: dict[str, Any], me: Person | None, suspended: Suspension | None) -> bytes:
    known = g.get
    everywhere = {
        "me": me,
        "organisation": known("organisation"),
        "role": known("role"),
        "project": known("project"),
        "suspension": suspended,
        "seal": seal_of_log(),
    }
    # Not Flask's render_template: what its context processors add is looked up for every page and used by none.
    parts = current_app.jinja_env.get_template(template).generate(everywhere | context)
    # Part by part: one character that is not ASCII makes all that it is joined with much slower to join and encode.
    return b"".join(map(str.encode, parts))


@lru_cache(maxsize=KEPT_MOST)
def once(template: str, /, **values: Any) -> Markup:
    """Renders a fragment that depends on `values` alone, once a process for the same ones.

    Entries never change, and a page's frame is the same until the person, their role or the organisation is another.
    """
    return always(template, **values)


def always(template: str, /, **values: Any) -> Markup:
    """Renders a fragment from `values` alone."""
    rendered = current_app.jinja_env.get_template(template).render(values)
    return Markup(rendered.strip())  # noqa: S704 (a template's own output, escaped there)


def _suspension(organisation: Any) -> Suspension | None:
    """The suspension of the page's organisation; read only when it is suspended, so that other pages pay nothing."""
    suspended = organisation is not None and organisation.state == "suspended"
    return suspension.current(organisation.id) if suspended else None
