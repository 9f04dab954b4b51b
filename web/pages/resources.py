"""Resources: one set of routes for every kind, which the address names."""

from typing import Any

from flask import Blueprint, abort, flash, redirect, request, url_for

from models import installation
from models.ended import ended_resources
from models.errors import AlreadyEnded
from models.kinds.failing import failed_deployment
from models.kinds.references import listed, listed_names, used_by
from models.kinds.resource import Resource
from models.kinds.running import Running
from models.log import feed
from models.log.record import PAST, Action
from models.numbers import whole_number
from models.organisation import Organisation
from models.overview import LATEST, lines
from models.people.access import Permission
from models.people.standing import Here, ProjectHere
from models.project import Project
from web.access import Answer, may, needs
from web.acting import acting
from web.addresses import address_of
from web.feeds import answer
from web.flashes import tell
from web.forms import TokenForm, TrackedForm, form_for
from web.fragments import render, wants_fragment
from web.pages import deployed, engine
from web.pages.prices import price
from web.pages.proposals import proposals
from web.rebuilt import before_failure
from web.sources import OrganisationFeed

bp = Blueprint("resources", __name__, url_prefix="/orgs/<org>/projects/<project>/<kind:kind>")
LIST_SIZE = 50


@bp.get("")
@needs(Permission.READ)
def index(here: Here, within: ProjectHere, kind: type[Resource]) -> Answer:
    """All living resources of a kind, newest first; or those that have ended."""
    if "ended" in request.args:
        return _ended(here, within, kind)
    before = request.args.get("before", LATEST, type=whole_number)
    if before > LATEST:
        abort(404)
    found = lines(kind, here.id, within.id, before, LIST_SIZE + 1)
    older = None
    if len(found) > LIST_SIZE:
        older = _url("index", here, within, kind, before=found[LIST_SIZE - 1].id)
    return render("resources/index.html", kind=kind, resources=found[:LIST_SIZE], older_url=older)


@bp.route("/new", methods=["GET", "POST"])
@needs(Permission.MANAGE_RESOURCES)
def new(organisation: Organisation, project: Project, kind: type[Resource]) -> Answer:
    """Add a resource of the kind; its form asks here what that would cost, and what is proposed."""
    url = _url("new", organisation, project, kind)
    if wants_fragment():
        return _advice(kind, url)
    form = form_for(kind, project=project)
    if not _only_looks() and form.validate_on_submit():
        with form.show_errors():
            with acting() as actor:
                resource = project.create(actor, kind, **form.values)
            tell(f"{kind.noun.capitalize()} {resource.name} created.")
            return redirect(_url("show", organisation, project, kind, handle=resource.handle))
    return render("resources/new.html", kind=kind, form=form, **_advised(kind, form, url), status=form.status)


def _advice(kind: type[Resource], url: str) -> Answer:
    """What a form with a script asks for while it is typed into."""
    if wanted := request.args.get("proposed"):
        return next((each.told for each in proposals(kind, request.args, url) if each.name == wanted), "")
    found = price(kind, request.args, url)
    return render("resources/_price.html", price=found) if found else ("", 204)


def _advised(kind: type[Resource], form: TrackedForm, url: str) -> dict[str, Any]:
    return {"price": price(kind, form.data, url), "proposals": proposals(kind, form.data, url)}


def _only_looks() -> bool:
    """Whether the form was sent to see what it would cost, which scripts show while one types."""
    return "look" in request.form


@bp.get("/<handle>")
@needs(Permission.READ)
def show(organisation: Organisation, project: Project, kind: type[Resource], handle: str) -> Answer:
    """One resource and its history, which stays when it has ended."""
    resource = project.find(kind, handle)
    return _page(organisation, project, resource)


@bp.get("/<handle>/<int:resource_id>")
@needs(Permission.READ)
def ended(organisation: Organisation, project: Project, kind: type[Resource], handle: str, resource_id: int) -> Answer:
    """One that has ended and its history, also when another bears its handle."""
    return _page(organisation, project, project.find_ended(kind, handle, resource_id))


@bp.post("/<handle>")
@needs(Permission.MANAGE_RESOURCES)
def update(organisation: Organisation, project: Project, kind: type[Resource], handle: str) -> Answer:
    """Save an edit; if someone else was first, say so and keep what was typed."""
    resource = project.find(kind, handle)
    if _is_another(resource):
        return _describe_another(organisation, project, resource)
    form = form_for(kind, resource, project)
    if _only_looks():
        return _page(organisation, project, resource, form=form)
    if form.validate():
        with form.editing(resource), acting() as actor:
            resource.update(actor, form.seen_version, **form.values)
    if form.refused:
        return _page(organisation, project, resource, form=form)
    told = f"{kind.noun.capitalize()} {resource.name} saved."
    if users := used_by(resource):
        told += f" What changed takes effect with the next deployment of {listed_names(users)}."
    tell(told)
    return redirect(_url("show", organisation, project, kind, handle=handle))


@bp.get("/<handle>/deployments")
@needs(Permission.READ)
def deployments(organisation: Organisation, project: Project, kind: type[Resource], handle: str) -> Answer:
    """The deployments of something that runs, and what was observed of it."""
    return _deployments(organisation, project, project.find(kind, handle))


@bp.get("/<handle>/<int:resource_id>/deployments")
@needs(Permission.READ)
def ended_deployments(
    organisation: Organisation, project: Project, kind: type[Resource], handle: str, resource_id: int
) -> Answer:
    """The deployments of something that has ended, also when another bears its handle."""
    return _deployments(organisation, project, project.find_ended(kind, handle, resource_id))


def _deployments(organisation: Organisation, project: Project, resource: Resource) -> Answer:
    if not resource.runs:
        abort(404)
    is_fragment = wants_fragment()
    shown = _running(organisation, project, resource, is_few=is_fragment and "few" in request.args)
    if is_fragment and request.args.get("seen") == shown["deployments"].digest:
        return "", 204
    return render(
        "resources/deployments.html",
        "resources/_observed.html",
        kind=type(resource),
        resource=resource,
        address=address_of(organisation, project, resource),
        **shown,
    )


@bp.post("/<handle>/deploy")
@needs(Permission.MANAGE_RESOURCES)
def deploy(organisation: Organisation, project: Project, kind: type[Resource], handle: str) -> Answer:
    """Deploy it again, or everything that uses it if it does not run itself."""
    resource = project.find(kind, handle)
    if _is_another(resource):
        return _describe_another(organisation, project, resource)
    form = TokenForm()
    again: list[str] = []
    if form.validate():
        with form.show_errors(), acting() as actor:
            again = project.deploy_again(actor, resource)
    if form.refused:
        return _page(organisation, project, resource, again_form=form)
    if again:
        tell(f"To be deployed again: {listed(again)}.")
    else:
        flash(f"Nothing uses {resource.name}.", "notice")
    return redirect(_url("show", organisation, project, kind, handle=handle))


@bp.post("/<handle>/terminate")
@needs(Permission.MANAGE_RESOURCES)
def terminate(organisation: Organisation, project: Project, kind: type[Resource], handle: str) -> Answer:
    """End a resource of a kind that is terminated."""
    return _end(organisation, project, kind, handle, Action.TERMINATE)


@bp.post("/<handle>/delete")
@needs(Permission.MANAGE_RESOURCES)
def delete(organisation: Organisation, project: Project, kind: type[Resource], handle: str) -> Answer:
    """End a resource of a kind that is deleted."""
    return _end(organisation, project, kind, handle, Action.DELETE)


def _end(organisation: Organisation, project: Project, kind: type[Resource], handle: str, action: Action) -> Answer:
    if kind.end_action is not action:
        abort(404)
    resource = project.find(kind, handle)
    if _is_another(resource):
        return _describe_another(organisation, project, resource)
    form = TokenForm()
    if form.validate():
        with form.show_errors():
            try:
                with acting() as actor:
                    resource.end(actor)
            except AlreadyEnded as done:
                flash(str(done), "notice")
                return redirect(_url("show", organisation, project, kind, handle=handle))
    if form.refused:
        return _page(organisation, project, resource, end_form=form)
    tell(f"{kind.noun.capitalize()} {resource.name} {resource.state}.")
    return redirect(url_for("projects.show", org=organisation.handle, project=project.handle))


def _ended(here: Here, within: ProjectHere, kind: type[Resource]) -> Answer:
    """What has ended of a kind, by handle, from behind the one that the address names."""
    after = request.args.get("after", ""), request.args.get("id", 0, type=whole_number)
    if after[1] > LATEST or "\0" in after[0]:
        abort(404)
    found = ended_resources(kind, here.id, within.id, after, LIST_SIZE + 1)
    more = None
    if len(found) > LIST_SIZE:
        last = found[LIST_SIZE - 1]
        more = _url("index", here, within, kind, ended=1, after=last.handle, id=last.id)
    return render(
        "resources/ended.html", kind=kind, past=PAST[kind.end_action], resources=found[:LIST_SIZE], more_url=more
    )


def _is_another(resource: Resource) -> bool:
    """Returns whether the form was about an earlier resource with this handle, which has ended since."""
    return request.form.get("of", str(resource.id)) != str(resource.id)


def _describe_another(organisation: Organisation, project: Project, resource: Resource) -> Answer:
    """Shows the resource that has the handle now, and says that it is another one."""
    flash(
        f"The {resource.noun} you were looking at has ended, and this one bears its handle now. Nothing was changed.",
        "notice",
    )
    return redirect(_url("show", organisation, project, type(resource), handle=resource.handle))


def _page(
    organisation: Organisation,
    project: Project,
    resource: Resource,
    form: TrackedForm | None = None,
    end_form: TokenForm | None = None,
    again_form: TokenForm | None = None,
) -> Answer:
    kind = type(resource)
    scope = feed.of_resource(organisation.named, kind.noun, resource.id, may(Permission.SEE_MONEY))
    address = address_of(organisation, project, resource)

    def context() -> dict[str, Any]:
        editable = resource.ended_at is None and project.state == "active" and may("manage_resources")
        # While suspended a change is refused: what was sent is shown again, and nothing is offered.
        offered = editable and organisation.state == "active"
        shown = form or (form_for(kind, resource, project) if offered else None)
        return {
            "kind": kind,
            "resource": resource,
            "form": shown,
            **(_advised(kind, shown, _url("new", organisation, project, kind)) if shown else {}),
            "end_form": end_form or TokenForm(formdata=None),
            "again_form": again_form,
            "used_by": used_by(resource),
            "compare_url": url_for("history.compare", org=organisation.handle, type=kind.noun, resource=resource.id),
            **_running(organisation, project, resource, is_few=True),
        }

    response = answer(OrganisationFeed(scope), address, "resources/show.html", context)
    response.status_code = max(response.status_code, *(each.status for each in (form, end_form, again_form) if each), 0)
    return response


def _running(organisation: Organisation, project: Project, resource: Resource, is_few: bool) -> dict[str, Any]:
    """Returns what the page of something that runs needs besides; nothing for what does not run."""
    if not isinstance(resource, Running):
        return {"deployments": None}
    trouble = engine.trouble(installation.engine())
    url = f"{address_of(organisation, project, resource)}/deployments"
    found = deployed.deployments(resource, url, trouble, is_few)
    failed = failed_deployment(resource, found.rows[0] if found.rows else None) if is_few else None
    suspects = before_failure(organisation, resource, failed)
    return {"deployments": found, "engine_trouble": trouble, "suspects": suspects}


def _url(
    view: str, organisation: Organisation | Here, project: Project | ProjectHere, kind: type[Resource], **more: Any
) -> str:
    return url_for(f"resources.{view}", org=organisation.handle, project=project.handle, kind=kind.plural, **more)
