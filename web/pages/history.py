"""A resource through time: two of its states side by side, and bringing one of them back."""

from collections.abc import Sequence
from typing import NamedTuple

from flask import Blueprint, abort, redirect, request, url_for
from werkzeug.wrappers import Response
from wtforms import HiddenField

from models.errors import StaleVersion
from models.kinds import restoring
from models.kinds.resource import Resource
from models.kinds.restoring import Reference
from models.kinds.running import UNDEPLOYED
from models.log import feed
from models.log.entry import Detail, entry_of
from models.log.feed import Row
from models.log.history import LOOKED_MOST, Rebuilt, state_after
from models.log.tracked import Tracked
from models.numbers import whole_number
from models.organisation import Organisation
from models.people.access import Permission
from models.people.standing import Here
from models.project import Project
from web.access import Answer, may, needs
from web.acting import acting
from web.addresses import address_of
from web.bounds import Within
from web.changes import describe
from web.evidence import roads
from web.flashes import tell
from web.forms import VersionedForm
from web.fragments import render
from web.rebuilt import REBUILT, describe_lost, lines, restore_address

bp = Blueprint("history", __name__)
RESOURCE_MOST = 2**63 - 1
# As many references as a form offers, with their fields.
WITHOUT_MOST = 30_000
CHANGED_SINCE = "Someone else changed this since the page was shown. This is what would change now: look again."


class RestoreForm(VersionedForm):
    """What the page said: of which version of the resource, and which references would be left out."""

    without = HiddenField(default="", validators=[Within(WITHOUT_MOST)])

    @property
    def left_out(self) -> list[Reference]:
        """The references that are not to come back."""
        given = [each.partition("/") for each in (self.without.data or "").split()]
        return [Reference(field, handle) for field, _, handle in given]


class Side(NamedTuple):
    """One of the two states that are compared."""

    entry: Row
    detail: Detail
    state: Rebuilt
    restore_url: str | None


@bp.get("/orgs/<org>/activity/compare")
@needs(Permission.READ_LOG, even_when_deleted=True)
def compare(here: Here) -> Answer:
    """Two states of a resource, ended or not, side by side; and a form to choose others."""
    tracked = REBUILT.get(request.args.get("type", ""))
    resource_id = _number("resource", RESOURCE_MOST)
    if tracked is None or resource_id is None:
        abort(404)
    before = _number("before", feed.LATEST) or feed.LATEST
    history = feed.page(feed.of_resource(here.named, tracked.noun, resource_id, here.sees_money), before)
    asked = (_number("from", feed.LATEST), _number("to", feed.LATEST))
    first, second = sorted((asked[0] or 0, feed.LATEST if asked[1] is None else asked[1]))
    newer = _side(here, tracked, resource_id, second)
    if newer is None:
        abort(404)
    if asked == (None, None):
        first = newer.entry.number - 1
    older = _side(here, tracked, resource_id, first)
    sides = [older, newer] if older else [newer]
    return render(
        "history/compare.html",
        sides=sides,
        is_new=older is None,
        lines=lines(tracked, [each.state if each else None for each in (older, newer)]),
        roads=roads(here, newer.entry, newer.detail),
        choices=_choices(history.rows, sides),
        older=history.older,
        looked_most=LOOKED_MOST,
    )


@bp.route("/orgs/<org>/projects/<project>/<kind:kind>/<handle>/restore/<int:number>", methods=["GET", "POST"])
@needs(Permission.MANAGE_RESOURCES)
def restore(organisation: Organisation, project: Project, kind: type[Resource], handle: str, number: int) -> Answer:
    """Say what bringing a state back would change and what it cannot, and do it."""
    resource = project.find(kind, handle)
    found = entry_of(organisation.named, number, may(Permission.SEE_MONEY))
    if found is None or (found[0].resource_type, found[1].resource_id) != (kind.noun, resource.id):
        abort(404, f"Entry #{number} is not about the {kind.noun} that bears the handle “{handle}” now.")
    form = RestoreForm()
    if form.validate_on_submit():
        with form.show_errors():
            try:
                with acting() as actor:
                    resource.restore(actor, form.seen_version, number, form.left_out)
            except StaleVersion:
                form.refuse(StaleVersion(CHANGED_SINCE))
    if request.method == "POST" and not form.refused:
        tell(f"{kind.noun.capitalize()} {resource.name} restored to entry #{number}.")
        return redirect(
            url_for("resources.show", org=organisation.handle, project=project.handle, kind=kind.plural, handle=handle)
        )
    return _preview(organisation, project, resource, found[0], form)


def _preview(
    organisation: Organisation, project: Project, resource: Resource, entry: Row, form: RestoreForm
) -> Response:
    planned = restoring.preview(resource, entry.number, entry.occurred_at)
    kind = type(resource)
    return render(
        "history/restore.html",
        kind=kind,
        resource=resource,
        address=address_of(organisation, project, resource),
        entry=entry,
        changes=describe(kind.noun, planned.changes),
        lost=[(kind.fields()[each.field].label, describe_lost(kind, each)) for each in planned.lost],
        is_deployed=kind.runs and bool(planned.changes.keys() - UNDEPLOYED),
        without=" ".join(f"{each.field}/{each.handle}" for each in planned.without),
        form=form,
        status=form.status,
    )


def _side(here: Here, tracked: type[Tracked], resource_id: int, number: int) -> Side | None:
    """The state after an entry of the organisation; None before the creation."""
    state = state_after(tracked, here.id, resource_id, number)
    found = entry_of(here.named, state.number, here.sees_money) if state else None
    if state is None or found is None:
        return None
    where = roads(here, *found).where
    return Side(*found, state, restore_address(here, tracked.noun, where, state))


def _choices(rows: Sequence[feed.Item], sides: Sequence[Side]) -> list[Row]:
    """The entries that can be chosen: a page of the history, and those that are chosen, wherever they are."""
    listed = {each.number: each for each in rows if isinstance(each, Row)}
    chosen = {each.entry.number: each.entry for each in sides}
    return [row for _, row in sorted({**chosen, **listed}.items(), reverse=True)]


def _number(name: str, most: int) -> int | None:
    """A number of the address. Answers 404 for what is none."""
    given = request.args.get(name, "")
    try:
        return whole_number(given, most) if given else None
    except ValueError:
        abort(404)
