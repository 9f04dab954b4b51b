"""Where one is signed in, and ending it there."""

from flask import Blueprint, flash, redirect, url_for

from models.people.session import end_session, sessions_of
from models.transaction import transaction
from web import form_token
from web.access import Answer, Open, me, needs
from web.fragments import render

bp = Blueprint("sessions", __name__)


@bp.get("/account/sessions")
@needs(Open.TO_SIGNED_IN, stored=False)
def index() -> Answer:
    """Show every browser in which one is signed in."""
    return render("account/sessions.html", sessions=sessions_of(me()))


@bp.post("/account/sessions/<int:id>/end")
@needs(Open.TO_SIGNED_IN, stored=False)
def end(id: int) -> Answer:
    """End one session: whoever has its cookie is signed out."""
    form_token.require()
    with transaction():
        end_session(me().id, id)
    flash("The session is ended.")
    return redirect(url_for("sessions.index"))
