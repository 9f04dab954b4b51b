"""Invitations, to the person invited: accept or decline, through the link or from one's own list."""

from datetime import UTC, datetime

from flask import Blueprint, flash, redirect, url_for
from wtforms import HiddenField

from models.errors import AlreadyMember, NotFound
from models.log.actor import Actor, Door
from models.log.record import Record
from models.organisation import Organisation, find_open_invitation, find_organisation
from models.people.invitation import CLOSED, Invitation, find_invitation
from models.people.member import accept_invitation, decline_invitation
from models.people.session import end_session
from models.people.user import find_user
from models.transaction import transaction
from web import cookie, form_token
from web.access import Answer, Open, me, needs, signed_in
from web.flashes import keep, tell
from web.forms import Form
from web.fragments import render

bp = Blueprint("invitations", __name__)


class AnswerForm(Form):
    """Yes or no, by the button that was pressed."""

    answer = HiddenField(default="accept")


@bp.route("/invitations/<token>", methods=["GET", "POST"])
@needs(Open.TO_ANYONE, stored=False)
def show(token: str) -> Answer:
    """Accept or decline by the link; whoever has no token that opens it learns nothing."""
    organisation, found = find_open_invitation(token, datetime.now(UTC))
    form = AnswerForm()
    if signed_in() and form.validate_on_submit():
        with form.show_errors():
            return _answer(organisation, found, form.answer.data or "", by_link=True)
    shown = {"organisation_name": organisation.name, "role": found.role, "email": found.email}
    return render("members/join.html", invitation=shown, form=form, token_of_link=token, status=form.status)


@bp.post("/invitations/<int:organisation_id>/<int:id>")
@needs(Open.TO_SIGNED_IN)
def answer(organisation_id: int, id: int) -> Answer:
    """Accept or decline from one's list of invitations, which takes a proven address instead of the link."""
    form_token.require()
    found = find_invitation(organisation_id, id)
    if found.email != me().email:
        raise NotFound(CLOSED)
    form = AnswerForm()
    if form.validate():
        with form.show_errors():
            return _answer(find_organisation(organisation_id), found, form.answer.data or "", by_link=False)
    flash(" ".join(form.complaints), "error")
    return redirect(url_for("orgs.index"))


@bp.post("/invitations/<token>/switch")
@needs(Open.TO_SIGNED_IN, stored=False)
def switch(token: str) -> Answer:
    """Sign out, and go on to the invitation with another account."""
    form_token.require()
    with transaction():
        end_session(me().id, me().session)
    cookie.end()
    return redirect(url_for("account.login", next=url_for("invitations.show", token=token)))


def _answer(organisation: Organisation, found: Invitation, answer: str, by_link: bool) -> Answer:
    now = datetime.now(UTC)
    if answer == "decline":
        with transaction():
            decline_invitation(found, find_user(me().id), now, by_link)
        flash(f"You declined the invitation of {organisation.name}.")
        return redirect(url_for("orgs.index"))
    try:
        written: list[Record] = []
        with transaction(written):
            joining = Actor(me().id, me().name, found.role, Door.WEB)
            accept_invitation(found, find_user(me().id), joining, now, by_link)
        keep(written)
        tell(f"You are now a member of {organisation.name}.", organisation.handle)
    except AlreadyMember:
        flash(f"You are a member of {organisation.name} already.", "notice")
    return redirect(url_for("orgs.show", org=organisation.handle))
