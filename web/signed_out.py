"""What someone is answered who is not signed in.

A page leads to the sign-in and back, a part of a page says so where it stands, and a form keeps what was typed.
"""

from urllib.parse import urlsplit

from flask import flash, g, redirect, request, url_for
from werkzeug.exceptions import Unauthorized
from werkzeug.wrappers import Response

from web.bounds import NEXT_MOST
from web.form_token import is_from_elsewhere
from web.fragments import of_htmx, render, wants_fragment
from web.typed import leaves_out, typed

# More characters than any form takes.
KEPT_MOST = 100_000


def answer(_: Unauthorized) -> Response:
    """Answers whoever is not signed in, the same whether or not there is anything at the address."""
    if wants_fragment():
        # No redirect: htmx would follow it, and what the person is reading or writing would be gone.
        return render("_signed_out.html", status=401, reading=_page())
    if request.method == "POST" and not is_from_elsewhere() and (kept := _kept()):
        return kept
    flash("Sign in to see this page.", "notice")
    wanted = request.full_path.rstrip("?") if request.method == "GET" else ""
    return redirect(url_for("account.login", next=wanted if 0 < len(wanted) <= NEXT_MOST else None))


def _kept() -> Response | None:
    """The page that holds what was typed until the person has signed in, in another tab; None when that is nothing.

    It is kept in the page alone, so that nobody else ever gets it. What it sends has the token it came with, which does
    not hold any more: so the form itself is shown next, to the person who opened it, with a token that does.
    """
    values = typed()
    if sum(len(each.value) for each in values) > KEPT_MOST or not any(each.label and each.value for each in values):
        return None
    # Nobody is signed in whose page it is, so no browser keeps it on its disk.
    g.stored = False
    return render("account/signed_out.html", status=401, values=values, address=request.path, incomplete=leaves_out())


def _page() -> str:
    """Returns the page that shows the part that was asked for; nothing where none can be gone back to."""
    try:
        page = urlsplit(of_htmx("HX-Current-URL") or "")
    except ValueError:
        return ""
    address = f"{page.path}?{page.query}".rstrip("?")
    return address if len(address) <= NEXT_MOST else ""
