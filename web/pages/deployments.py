"""One deployment, and what something that runs has written lately."""

from collections.abc import Sequence
from threading import BoundedSemaphore
from typing import NamedTuple

from flask import Blueprint, abort, request

from models import installation
from models.jobs import deployment, deployment_history
from models.jobs.deployment import DeploymentKey
from models.jobs.output import Line, Output
from models.kinds.failing import has_failed
from models.kinds.resource import Resource
from models.kinds.running import Running
from models.numbers import whole_number
from models.organisation import Organisation
from models.people.access import Permission
from models.project import Project
from models.sealed import CannotOpen
from web.access import Answer, may, needs
from web.addresses import address, address_of
from web.compression import keep_plain
from web.fragments import render, wants_fragment
from web.pages import engine
from web.rebuilt import before_failure
from worker import output
from worker.output import Unreachable

bp = Blueprint("deployments", __name__, url_prefix="/orgs/<org>/projects/<project>/<kind:kind>")
# Without scripts a page comes with what is there: it waits for it, but not in all of the threads of a process.
PAGE_SECONDS = 2.0
WAITING = BoundedSemaphore(2)
TRIES_MOST = 5
SOON, LATER, MUCH_LATER = "load delay:700ms, every 3s", "every 3s", "every 15s"

ENDED = "It has ended, and what it wrote is gone with it."
GONE = "Nothing of this revision is on the engine."
READING = "Reading…"
SILENT = "The runtime process has not answered yet."
NO_QUEUE = "The queue to the runtime process does not answer."
FIRST_WORDS = "It has written nothing yet."
LAST_WORDS = "The last lines before it was given up."


class Shown(NamedTuple):
    """Output as the templates show it; the fragment asks for itself again while it may change."""

    name: str
    revision: int
    page: str
    """The page that shows it alone, which needs no scripts."""
    lines: Sequence[Line] = ()
    note: str = ""
    digest: str = ""
    again: str = ""
    """When it asks again, as htmx reads it; empty for what does not change any more."""
    tries: int = 0

    @property
    def url(self) -> str:
        """What it asks for: what is shown already need not be sent again."""
        return f"{self.page}?seen={self.digest}&tries={self.tries}"

    @property
    def of_several(self) -> bool:
        """Whether more than one node has written it."""
        return len({each.node for each in self.lines}) > 1


@bp.get("/<handle>/output")
@needs(Permission.READ_OUTPUT)
def output_now(organisation: Organisation, project: Project, kind: type[Resource], handle: str) -> Answer:
    """The output of what serves, or of what comes up as long as nothing does."""
    thing = _running(project, kind, handle)
    revision = thing.deployed_revision or thing.revision
    page = address(
        "deployments.output_now", org=organisation.handle, project=project.handle, kind=kind.plural, handle=handle
    )
    return _answer(thing, revision, page)


@bp.get("/<handle>/deployments/<int:revision>/output")
@needs(Permission.READ_OUTPUT)
def output_of(organisation: Organisation, project: Project, kind: type[Resource], handle: str, revision: int) -> Answer:
    """What one deployment writes."""
    thing = _running(project, kind, handle)
    _find(thing, revision)
    return _answer(thing, revision, _page(organisation, project, thing, revision))


@bp.get("/<handle>/deployments/<int:revision>")
@needs(Permission.READ)
def show(organisation: Organisation, project: Project, kind: type[Resource], handle: str, revision: int) -> Answer:
    """One deployment: what was asked for, how it ended, and what it has written."""
    return _show(organisation, project, _running(project, kind, handle), revision)


@bp.get("/<handle>/<int:resource_id>/deployments/<int:revision>")
@needs(Permission.READ)
def of_ended(
    organisation: Organisation, project: Project, kind: type[Resource], handle: str, resource_id: int, revision: int
) -> Answer:
    """One deployment of something that has ended, also when another bears its handle."""
    thing = project.find_ended(kind, handle, resource_id)
    if not isinstance(thing, Running):
        abort(404)
    return _show(organisation, project, thing, revision)


def _show(organisation: Organisation, project: Project, thing: Running, revision: int) -> Answer:
    found = _find(thing, revision)
    page = _page(organisation, project, thing, revision)
    begin = Shown(thing.name, revision, page, note=READING, again="load")
    keep_plain()
    shown = (_settled(thing, revision, page) or begin) if may("read_output") else None
    return render(
        "resources/deployment.html",
        kind=type(thing),
        resource=thing,
        address=address_of(organisation, project, thing),
        deployment=found,
        shown=shown,
        suspects=before_failure(organisation, thing, found if has_failed(thing, found) else None),
    )


def _answer(thing: Running, revision: int, page: str) -> Answer:
    keep_plain()
    is_fragment = wants_fragment()
    shown = _settled(thing, revision, page) or _read(thing, revision, page, 0.0 if is_fragment else PAGE_SECONDS)
    if is_fragment and shown.lines and request.args.get("seen") == shown.digest:
        return "", 204
    return render("resources/output.html", "resources/_output.html", kind=type(thing), resource=thing, shown=shown)


def _settled(thing: Running, revision: int, page: str) -> Shown | None:
    """What is known without asking the engine; None when it has to be asked."""
    shown = Shown(thing.name, revision, page)
    if thing.ended_at is not None:
        return shown._replace(note=ENDED)
    try:
        kept = deployment_history.last_output(_key(thing, revision))
    except CannotOpen:
        kept = None
    if kept is not None:
        return shown._replace(lines=kept.lines, note=LAST_WORDS, digest=kept.digest)
    if trouble := engine.trouble(installation.engine()):
        return shown._replace(note=trouble.sentence, again=MUCH_LATER)
    return None


def _read(thing: Running, revision: int, page: str, seconds: float) -> Shown:
    shown = Shown(thing.name, revision, page, again=LATER)
    try:
        found = _ask(_key(thing, revision), seconds)
    except Unreachable:
        return shown._replace(note=NO_QUEUE, again=MUCH_LATER)
    if found is None:
        tries = request.args.get("tries", 0, type=whole_number)
        note = READING if tries < TRIES_MOST and not seconds else SILENT
        return shown._replace(note=note, again=SOON, tries=min(tries + 1, TRIES_MOST))
    note = found.problem or ("" if found.lines else FIRST_WORDS if found.is_there else GONE)
    return shown._replace(lines=found.lines, note=note, digest=found.digest)


def _ask(key: DeploymentKey, seconds: float) -> Output | None:
    """Ask the runtime, and wait for so long. Raises Unreachable."""
    if not (seconds and WAITING.acquire(blocking=False)):
        found = output.look(key)
    else:
        try:
            found = output.wait(key, seconds)
        finally:
            WAITING.release()
    return found.output if found else None


def _running(project: Project, kind: type[Resource], handle: str) -> Running:
    thing = project.find(kind, handle)
    if not isinstance(thing, Running):
        abort(404)
    return thing


def _find(thing: Running, revision: int) -> deployment_history.Deployment:
    found = deployment_history.one(_key(thing, revision)) if revision < deployment.LATEST else None
    if found is None:
        abort(404)
    return found


def _key(thing: Running, revision: int) -> DeploymentKey:
    return DeploymentKey(*thing.key, revision)


def _page(organisation: Organisation, project: Project, thing: Running, revision: int) -> str:
    return address(
        "deployments.output_of",
        org=organisation.handle,
        project=project.handle,
        kind=thing.plural,
        handle=thing.handle,
        revision=revision,
    )
