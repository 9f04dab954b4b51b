"""Everything of one kind in an organisation, whatever project it is in: where the figures of the dashboard lead."""

from itertools import groupby

from flask import Blueprint, request

from models.kinds.resource import Resource
from models.numbers import whole_number
from models.overview import LATEST, LATEST_PROJECT, everywhere
from models.people.access import Permission
from models.people.standing import Here
from web.access import Answer, needs
from web.addresses import address
from web.fragments import render

bp = Blueprint("everywhere", __name__, url_prefix="/orgs/<org>/<kind:kind>")
LIST_SIZE = 50


@bp.get("")
@needs(Permission.READ)
def index(here: Here, kind: type[Resource]) -> Answer:
    """All living resources of a kind, those of the newest project first; or, of what runs, those in error."""
    only_failing = kind.runs and "failing" in request.args
    project = min(request.args.get("project", LATEST_PROJECT, type=whole_number), LATEST_PROJECT)
    before = project, min(request.args.get("before", LATEST, type=whole_number), LATEST)
    found = everywhere(kind, here.id, before, LIST_SIZE + 1, only_failing)
    shown, more = found[:LIST_SIZE], None
    only = {"failing": 1} if only_failing else {}
    if len(found) > LIST_SIZE:
        project, last = shown[-1].place
        more = address("everywhere.index", org=here.handle, kind=kind.plural, **only, project=project, before=last)
    groups = [(at, list(several)) for at, several in groupby(shown, lambda each: each[2:])]
    return render("orgs/everywhere.html", kind=kind, only_failing=only_failing, groups=groups, more_url=more)
