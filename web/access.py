"""The one place where a request is authorised: signed in, member, allowed - or the view is never called."""

from collections.abc import Callable
from enum import Enum
from functools import wraps
from inspect import signature
from typing import Any, Literal

from flask import Flask, abort, current_app, g, request
from werkzeug.wrappers import Response

from models.errors import NotFound
from models.kinds.catalogue import BY_PLURAL
from models.log.actor import Actor, Door
from models.log.seal import Standing as Seal
from models.organisation import find_organisation
from models.people.access import GRANTS, Permission, Role, allows
from models.people.standing import Here, Person, Standing, standing
from models.project import find_project
from web import cookie, form_token

Answer = Response | str | tuple[str, int]
View = Callable[..., Answer]
READING = ("GET", "HEAD", "OPTIONS")


class Open(Enum):
    """Addresses outside organisations."""

    TO_ANYONE = "anyone"
    TO_SIGNED_IN = "signed in"


Needed = Permission | Open


def needs(
    needed: Needed, even_when_deleted: bool = False, stored: bool = True, lists_views: bool = False
) -> Callable[[View], View]:
    """Let a view be called only by who may.

    What it asks for by name arrives: `here` and `within` name the organisation and project of the address and suffice
    for a page; `organisation` and `project` are the rows that verbs change.

    Foreign and missing look the same, 404; a member whose role does not allow it gets 403. After its deletion
    an organisation answers only where `even_when_deleted` says so. What is not `stored` no browser keeps, not even for
    the back button: pages about one's account, and links that open something to whoever has them. Where it
    `lists_views`, `here` has them. Whoever is not signed in gets what `web/signed_out.py` answers.
    """

    def guard(view: View) -> View:
        wanted = signature(view).parameters

        @wraps(view)
        def guarded(**address: Any) -> Answer:
            g.stored = stored
            if "\0" in request.path:
                abort(404)  # PostgreSQL knows no text with it, so nothing can be there
            if needed is not Open.TO_ANYONE and signed_in() is None:
                abort(401)
            if isinstance(needed, Permission):
                here = _enter(address, needed, even_when_deleted)
                if "here" in wanted:
                    address["here"] = here
                if "within" in wanted:
                    address["within"] = here.project
                if "organisation" in wanted:
                    address["organisation"] = find_organisation(here.id)
                if "project" in wanted and here.project is not None:
                    address["project"] = find_project(here.id, here.project.handle)
            if request.method not in READING:
                person = signed_in()
                form_token.check(person.id if person else None)
            return view(**address)

        guarded.needed = needed  # type: ignore[attr-defined]
        guarded.even_when_deleted = even_when_deleted  # type: ignore[attr-defined]
        guarded.stored = stored  # type: ignore[attr-defined]
        guarded.lists_views = lists_views  # type: ignore[attr-defined]
        return guarded

    return guard


def require_guards(app: Flask) -> None:
    """Refuse to start with a route that nobody authorises. Raises RuntimeError, naming it."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint != "static" and not hasattr(app.view_functions[rule.endpoint], "needed"):
            raise RuntimeError(f"{rule} ({rule.endpoint}) does not say what it needs")


def signed_in() -> Person | None:
    """Returns who is asking, if they are signed in; read once a request, with where they stand."""
    found: Standing | Literal[False] | None = g.get("standing", False)
    if found is False:
        found = g.standing = _read_standing()
    return found.person if found else None


def _read_standing() -> Standing | None:
    in_cookie = cookie.whose()
    if not in_cookie:
        return None
    named = {} if "\0" in request.path else request.view_args or {}
    view = current_app.view_functions.get(request.endpoint or "")
    return standing(in_cookie, named.get("org"), named.get("project"), getattr(view, "lists_views", False))


def me() -> Person:
    """Returns who is asking, in a view that is open to those signed in alone."""
    person = signed_in()
    assert person is not None, "this view is open to anyone"
    return person


def seal_of_log() -> Seal | None:
    """Returns how far the log of the page's organisation is sealed; None outside of one."""
    found: Standing | None = g.get("standing")
    return found.seal if found else None


def known_already() -> Person | None:
    """Returns who is asking if this request has found that out before, without asking the database."""
    found: Standing | None = g.get("standing")
    return found.person if found else None


def actor() -> Actor:
    """Who acts in this request, in the role they have in its organisation."""
    person = me()
    return Actor(person.id, person.name, g.get("role"), Door.WEB)


def rights() -> frozenset[Permission]:
    """Everything the person may do in the organisation of the page; nothing outside of one."""
    found: frozenset[Permission] = g.get("rights", frozenset())
    return found


def may(permission: str) -> bool:
    """Whether the person may do this in the organisation of the page: for showing or hiding a button."""
    return Permission(permission) in rights()


def _rights_of(here: Here) -> frozenset[Permission]:
    return GRANTS[Role(here.role)] if here.state in ("active", "suspended") else frozenset()


def _enter(address: dict[str, Any], needed: Permission, even_when_deleted: bool) -> Here:
    """Take the handles out of the address: what they stand for has been read together with the person."""
    here: Here | None = g.standing.here
    del address["org"]
    project = address.pop("project", None)
    if here is None or (here.state in ("deleting", "deleted") and not even_when_deleted):
        abort(404)
    g.organisation, g.role, g.rights = here, here.role, _rights_of(here)
    if not allows(here.role, needed):
        abort(403)
    if project is not None and here.project is None:
        raise NotFound(f"There is no project “{project}”.")
    g.project = here.project
    if "kind" in address:
        address["kind"] = BY_PLURAL[address["kind"]]
    return here
