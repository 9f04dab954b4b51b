"""Projects: what is in them, their feed, settings, deletion."""

from typing import Any

from flask import Blueprint, flash, redirect, url_for

from models.jobs import job
from models.kinds.catalogue import KINDS
from models.log import feed
from models.organisation import Organisation
from models.people.access import Permission
from models.project import Project
from web.access import Answer, needs
from web.acting import acting
from web.feeds import OrganisationFeed, answer
from web.forms import ConfirmForm, TrackedForm, form_for
from web.fragments import render
from web.pages import engine
from web.pages.progress import shown

bp = Blueprint("projects", __name__, url_prefix="/orgs/<org>/projects")
FIRST_FEW = 10


@bp.route("/new", methods=["GET", "POST"])
@needs(Permission.MANAGE_PROJECTS)
def new(organisation: Organisation) -> Answer:
    """Add a project."""
    form = form_for(Project)
    if form.validate_on_submit():
        with form.show_errors():
            with acting() as actor:
                project = organisation.create_project(actor, **form.values)
            flash(f"Project {project.name} created.")
            return redirect(url_for("projects.show", org=organisation.handle, project=project.handle))
    return render("projects/new.html", form=form, status=form.status)


@bp.get("/<project>")
@needs(Permission.READ)
def show(organisation: Organisation, project: Project) -> Answer:
    """What is in the project, and its history; of a deleted one the history is left."""
    scope = feed.of_project(organisation.named, project.id)
    address = url_for("projects.show", org=organisation.handle, project=project.handle)
    return answer(OrganisationFeed(scope), address, "projects/show.html", lambda: _contents(organisation, project))


@bp.get("/<project>/progress")
@needs(Permission.READ)
def progress(organisation: Organisation, project: Project) -> Answer:
    """How far the deletion is."""
    return render("projects/_progress.html", state_now=project.state, progress=_progress(organisation, project))


@bp.route("/<project>/settings", methods=["GET", "POST"])
@needs(Permission.MANAGE_PROJECTS)
def settings(organisation: Organisation, project: Project) -> Answer:
    """The project's name."""
    form = form_for(Project, project)
    if form.validate_on_submit():
        with form.editing(project), acting() as actor:
            project.update(actor, form.seen_version, **form.values)
        if not form.refused:
            flash("Settings saved.")
            return redirect(url_for("projects.show", org=organisation.handle, project=project.handle))
    return _settings(project, form, ConfirmForm(formdata=None))


@bp.post("/<project>/delete")
@needs(Permission.MANAGE_PROJECTS)
def delete(organisation: Organisation, project: Project) -> Answer:
    """Delete the project; the worker ends what lives in it."""
    form = ConfirmForm()
    if form.validate():
        with form.show_errors(), acting() as actor:
            project.delete(actor, form.confirm.data or "")
    if form.refused:
        return _settings(project, form_for(Project, project), form)
    flash(f"Project {project.name} is deleted.")
    return redirect(url_for("projects.show", org=organisation.handle, project=project.handle))


def _settings(project: Project, form: TrackedForm, delete_form: ConfirmForm) -> Answer:
    status = max(form.status, delete_form.status)
    return render("projects/settings.html", form=form, delete_form=delete_form, project=project, status=status)


def _contents(organisation: Organisation, project: Project) -> dict[str, Any]:
    kinds = [(kind, project.resources(kind, size=FIRST_FEW), project.count(kind)) for kind in KINDS]
    waiting = None if project.state == "active" else _progress(organisation, project)
    return {"kinds": kinds, "progress": waiting, "engine_trouble": engine.trouble()}


def _progress(organisation: Organisation, project: Project) -> Any:
    address = url_for("projects.progress", org=organisation.handle, project=project.handle)
    return shown(job.latest(organisation.id, project.id), address, project.name)
