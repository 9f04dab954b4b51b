"""Organisations: the list, the dashboard with the feed, settings, deletion."""

from typing import Any

from flask import Blueprint, flash, g, redirect, url_for
from flask_login import current_user

from models.billing.account import account_of
from models.jobs import job
from models.log import feed
from models.organisation import Organisation, belongings, create_organisation
from models.people.access import Permission, Role
from models.people.user import find_user
from web.access import Answer, Open, needs
from web.acting import acting
from web.feeds import OrganisationFeed, answer
from web.forms import ConfirmForm, TrackedForm, form_for
from web.fragments import render
from web.pages import engine
from web.pages.progress import shown, troubles

bp = Blueprint("orgs", __name__)
# More than anyone has seen an organisation have; a list in pages is for when one does.
PROJECTS_MOST = 500


@bp.get("/orgs")
@needs(Open.TO_SIGNED_IN)
def index() -> Answer:
    """The organisations one belongs to."""
    return render("orgs/index.html", memberships=belongings(current_user.id))


@bp.route("/orgs/new", methods=["GET", "POST"])
@needs(Open.TO_SIGNED_IN)
def new() -> Answer:
    """Found an organisation; one becomes its owner."""
    form = form_for(Organisation)
    if not form.is_submitted():
        form["email"].data = current_user.email
    if form.validate_on_submit():
        with form.show_errors():
            g.role = Role.OWNER
            with acting() as actor:
                organisation = create_organisation(find_user(current_user.id), actor, **form.values)
            flash(f"Organisation {organisation.name} created.")
            return redirect(url_for("orgs.show", org=organisation.handle))
    g.pop("role", None)
    return render("orgs/new.html", form=form, status=form.status)


@bp.get("/orgs/<org>")
@needs(Permission.READ, even_when_deleted=True)
def show(organisation: Organisation) -> Answer:
    """The dashboard; of a deleted organisation only its feed is left."""
    source = OrganisationFeed(feed.whole(organisation.named))
    address = url_for("activity.of_organisation", org=organisation.handle)
    return answer(source, address, "orgs/show.html", lambda: _dashboard(organisation))


@bp.get("/orgs/<org>/progress")
@needs(Permission.READ, even_when_deleted=True)
def progress(organisation: Organisation) -> Answer:
    """How far the deletion is."""
    return render("orgs/_progress.html", state_now=organisation.state, progress=_progress(organisation))


@bp.route("/orgs/<org>/settings", methods=["GET", "POST"])
@needs(Permission.UPDATE_ORGANISATION)
def settings(organisation: Organisation) -> Answer:
    """Name and contact email."""
    form = form_for(Organisation, organisation)
    if form.validate_on_submit():
        with form.editing(organisation), acting() as actor:
            organisation.update(actor, form.seen_version, **form.values)
        if not form.refused:
            flash("Settings saved.")
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
    flash(f"Organisation {organisation.name} is deleted. Its log stays readable.")
    return redirect(url_for("orgs.show", org=organisation.handle))


def _settings(form: TrackedForm, delete_form: ConfirmForm) -> Answer:
    status = max(form.status, delete_form.status)
    return render("orgs/settings.html", form=form, delete_form=delete_form, status=status)


def _dashboard(organisation: Organisation) -> dict[str, Any]:
    if organisation.state in ("deleting", "deleted"):
        return {"readonly": True, "progress": _progress(organisation)}
    projects = organisation.projects(size=PROJECTS_MOST)
    waiting = _progress(organisation)
    return {
        "readonly": False,
        "counts": organisation.counts(),
        "account": account_of(organisation.id),
        "projects": projects,
        "progress": None if waiting is None or waiting.finished or waiting.stuck else waiting,
        "troubles": troubles(organisation),
        "engine_trouble": engine.trouble(),
    }


def _progress(organisation: Organisation) -> Any:
    address = url_for("orgs.progress", org=organisation.handle)
    return shown(job.latest(organisation.id), address, organisation.name)
