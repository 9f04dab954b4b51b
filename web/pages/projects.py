"""Projects: what is in them, their feed, settings, deletion."""

from typing import Any

from flask import Blueprint, redirect, request, url_for

from models.ended import LATEST, all_projects
from models.jobs import job
from models.log import feed
from models.numbers import whole_number
from models.organisation import Organisation
from models.overview import contents
from models.people.access import Permission
from models.people.standing import Here, ProjectHere
from models.project import Project
from web.access import Answer, needs
from web.acting import acting
from web.addresses import address
from web.feeds import answer
from web.flashes import tell
from web.forms import ConfirmForm, TrackedForm, form_for
from web.fragments import render, wants_fragment
from web.pages import engine
from web.pages.progress import Shown, shown
from web.sources import OrganisationFeed

bp = Blueprint("projects", __name__, url_prefix="/orgs/<org>/projects")
LIST_SIZE = 50


@bp.get("")
@needs(Permission.READ)
def index(here: Here) -> Answer:
    """All projects, newest first, the deleted ones too."""
    before = min(request.args.get("before", LATEST, type=whole_number), LATEST)
    found = all_projects(here.id, before, LIST_SIZE + 1)
    older = None
    if len(found) > LIST_SIZE:
        older = url_for("projects.index", org=here.handle, before=found[LIST_SIZE - 1].id)
    return render("projects/index.html", projects=found[:LIST_SIZE], older_url=older)


@bp.route("/new", methods=["GET", "POST"])
@needs(Permission.MANAGE_PROJECTS)
def new(organisation: Organisation) -> Answer:
    """Add a project."""
    form = form_for(Project)
    if form.validate_on_submit():
        with form.show_errors():
            with acting() as actor:
                project = organisation.create_project(actor, **form.values)
            tell(f"Project {project.name} created.")
            return redirect(url_for("projects.show", org=organisation.handle, project=project.handle))
    return render("projects/new.html", form=form, status=form.status)


@bp.get("/<project>")
@needs(Permission.READ)
def show(here: Here, within: ProjectHere) -> Answer:
    """What is in the project, and its history; of a deleted one the history is left."""
    source = OrganisationFeed(feed.of_project(here.named, within.id, here.sees_money))
    at = address("projects.show", org=here.handle, project=within.handle)
    return answer(source, at, "projects/show.html", lambda: _contents(here, within))


@bp.get("/<project>/progress")
@needs(Permission.READ)
def progress(here: Here, within: ProjectHere) -> Answer:
    """How far the deletion is, for the part of the page that asks; the project's page shows it too."""
    if not wants_fragment():
        return redirect(url_for("projects.show", org=here.handle, project=within.handle))
    return render("_progress.html", state_now=within.state, progress=_progress(here, within))


@bp.route("/<project>/settings", methods=["GET", "POST"])
@needs(Permission.MANAGE_PROJECTS)
def settings(organisation: Organisation, project: Project) -> Answer:
    """The project's name."""
    form = form_for(Project, project)
    if form.validate_on_submit():
        with form.editing(project), acting() as actor:
            project.update(actor, form.seen_version, **form.values)
        if not form.refused:
            tell("Settings saved.")
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
    tell(f"Project {project.name} is being deleted.")
    return redirect(url_for("projects.show", org=organisation.handle, project=project.handle))


def _settings(project: Project, form: TrackedForm, delete_form: ConfirmForm) -> Answer:
    status = max(form.status, delete_form.status)
    return render("projects/settings.html", form=form, delete_form=delete_form, project=project, status=status)


def _contents(here: Here, within: ProjectHere) -> dict[str, Any]:
    if within.state != "active":
        return {"progress": _progress(here, within)}
    found = contents(here.id, within.id)
    return {"kinds": found.kinds, "engine_trouble": engine.trouble(found.engine)}


def _progress(here: Here, within: ProjectHere) -> Shown | None:
    url = address("projects.progress", org=here.handle, project=within.handle)
    return shown(job.latest(here.id, within.id), url, within.name)
