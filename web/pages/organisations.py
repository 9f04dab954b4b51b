"""Organisations: the list, the dashboard with the feed, settings, deletion."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, g, redirect, url_for

from models.jobs import job
from models.jobs.job import Progress
from models.log import feed
from models.organisation import Organisation, belongings, create_organisation, open_invitations_of
from models.overview import overview
from models.people.access import Permission, Role, allows
from models.people.standing import Here
from models.people.user import find_user
from web.access import Answer, Open, me, needs
from web.acting import acting
from web.addresses import address
from web.feeds import answer
from web.flashes import tell
from web.forms import ConfirmForm, TrackedForm, form_for
from web.fragments import render, wants_fragment
from web.pages import engine
from web.pages.progress import Shown, shown, stuck
from web.sources import OrganisationFeed

bp = Blueprint("orgs", __name__)


@bp.get("/orgs")
@needs(Open.TO_SIGNED_IN)
def index() -> Answer:
    """The organisations one belongs to, and those one is invited to."""
    invited = open_invitations_of(me().id, datetime.now(UTC))
    return render("orgs/index.html", memberships=belongings(me().id), invited=invited)


@bp.route("/orgs/new", methods=["GET", "POST"])
@needs(Open.TO_SIGNED_IN)
def new() -> Answer:
    """Found an organisation; one becomes its owner."""
    form = form_for(Organisation)
    if not form.is_submitted():
        form["email"].data = me().email
    if form.validate_on_submit():
        with form.show_errors():
            g.role = Role.OWNER
            with acting() as actor:
                organisation = create_organisation(find_user(me().id), actor, **form.values)
            tell(f"Organisation {organisation.name} created.", organisation.handle)
            return redirect(url_for("orgs.show", org=organisation.handle))
    g.pop("role", None)
    return render("orgs/new.html", form=form, status=form.status)


@bp.get("/orgs/<org>")
@needs(Permission.READ_LOG, even_when_deleted=True)
def show(here: Here) -> Answer:
    """The dashboard; of a deleted organisation, and for an auditor, only the feed."""
    source = OrganisationFeed(feed.whole(here.named, here.sees_money))
    at = address("activity.of_organisation", org=here.handle)
    return answer(source, at, "orgs/show.html", lambda: _dashboard(here))


@bp.get("/orgs/<org>/progress")
@needs(Permission.READ, even_when_deleted=True)
def progress(here: Here) -> Answer:
    """How far the deletion is, for the part of the page that asks; the dashboard shows it too."""
    if not wants_fragment():
        return redirect(url_for("orgs.show", org=here.handle))
    return render("_progress.html", state_now=here.state, progress=_progress(here, job.latest(here.id)))


@bp.route("/orgs/<org>/settings", methods=["GET", "POST"])
@needs(Permission.UPDATE_ORGANISATION)
def settings(organisation: Organisation) -> Answer:
    """Name and contact email."""
    form = form_for(Organisation, organisation)
    if form.validate_on_submit():
        with form.editing(organisation), acting() as actor:
            organisation.update(actor, form.seen_version, **form.values)
        if not form.refused:
            tell("Settings saved.")
            return redirect(url_for("orgs.settings", org=organisation.handle))
    return _settings(form, ConfirmForm(formdata=None))


@bp.post("/orgs/<org>/delete")
@needs(Permission.DELETE_ORGANISATION)
def delete(organisation: Organisation) -> Answer:
    """Delete the organisation; the worker ends what lives in it."""
    form = ConfirmForm()
    if form.validate():
        with form.show_errors(), acting() as actor:
            organisation.delete(actor, form.confirm.data or "")
    if form.refused:
        return _settings(form_for(Organisation, organisation), form)
    tell(f"Organisation {organisation.name} is being deleted. Its log stays readable.")
    return redirect(url_for("orgs.show", org=organisation.handle))


def _settings(form: TrackedForm, delete_form: ConfirmForm) -> Answer:
    status = max(form.status, delete_form.status)
    return render("orgs/settings.html", form=form, delete_form=delete_form, status=status)


def _dashboard(here: Here) -> dict[str, Any]:
    if here.state in ("deleting", "deleted"):
        return {"readonly": True, "progress": _progress(here, job.latest(here.id))}
    if not allows(here.role, Permission.READ):
        return {"readonly": True}
    found = overview(here.id)
    under_way = found.progress is not None and not (found.progress.finished or found.progress.stuck)
    return {
        "readonly": False,
        "counts": found.counts,
        "failing": found.failing,
        "account": found.balance,
        "lasts": found.uses.minutes_from(found.balance.balance_cents),
        "has_card": found.has_card,
        "projects": found.projects,
        "progress": _progress(here, found.progress) if under_way else None,
        "troubles": [stuck(each, here) for each in found.troubles],
        "engine_trouble": engine.trouble(found.engine),
    }


def _progress(here: Here, found: Progress | None) -> Shown | None:
    return shown(found, address("orgs.progress", org=here.handle), here.name)
