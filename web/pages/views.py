"""Saved views: queries under names, one's own and the organisation's."""

from urllib.parse import urlencode

from flask import Blueprint, flash, redirect, request, url_for
from wtforms import BooleanField, StringField

from models.log.keys import BadQuery
from models.log.query import parse
from models.people.access import Permission
from models.people.standing import Here
from models.people.view import NAME, QUERY, SavedView, ViewName, find_view, save_view, views_of
from web.access import Answer, may, me, needs
from web.acting import acting
from web.addresses import address
from web.bounds import Within
from web.forms import Checked, Form, TokenForm
from web.fragments import render

bp = Blueprint("views", __name__)


class ViewForm(Form):
    """A name for a query."""

    name = StringField("Name", [Checked(NAME)])
    q = StringField(
        "Query", [Within(*QUERY.length)], render_kw={"maxlength": QUERY.most, "spellcheck": "false", "required": True}
    )
    shared = BooleanField("Share it with everyone in the organisation")

    @property
    def values(self) -> tuple[str, str, bool]:
        """What was typed: name, query, and whether to share it."""
        return self.name.data or "", self.q.data or "", bool(self.shared.data)


@bp.get("/orgs/<org>/views")
@needs(Permission.READ_LOG)
def index(here: Here) -> Answer:
    """The views there are, and a form to save one; `q` in the address fills it in."""
    form = ViewForm(formdata=None)
    form.q.data = request.args.get("q", "")
    return _index(here, form)


@bp.post("/orgs/<org>/views")
@needs(Permission.READ_LOG)
def add(here: Here) -> Answer:
    """Save a query under a name."""
    form = ViewForm()
    if form.validate():
        with form.show_errors():
            with acting():
                view = save_view(here.id, me().id, here.role, *form.values)
            flash(f"View “{view.name}” saved.")
            return redirect(url_for("activity.of_organisation", org=here.handle, q=view.query))
    return _index(here, form)


@bp.post("/orgs/<org>/views/<int:view_id>")
@needs(Permission.READ_LOG)
def change(here: Here, view_id: int) -> Answer:
    """Give a view another name or query, or share it or no longer."""
    view = _find(here, view_id)
    form = ViewForm()
    if form.validate():
        with form.show_errors(), acting():
            view.change(me().id, here.role, *form.values)
    if form.refused:
        return _index(here, ViewForm(formdata=None), {view_id: form})
    flash(f"View “{view.name}” saved.")
    return redirect(url_for("views.index", org=here.handle))


@bp.post("/orgs/<org>/views/<int:view_id>/delete")
@needs(Permission.READ_LOG)
def delete(here: Here, view_id: int) -> Answer:
    """Forget a view; what it finds stays."""
    view = _find(here, view_id)
    form = TokenForm()
    if not form.validate():
        return _index(here, ViewForm(formdata=None), {view_id: form})
    with acting():
        view.remove(me().id, here.role)
    flash(f"View “{view.name}” deleted.")
    return redirect(url_for("views.index", org=here.handle))


def _find(here: Here, view_id: int) -> SavedView:
    """Finds a view that the person may change. Raises NotFound, Forbidden."""
    view = find_view(here.id, view_id, me().id)
    view.require_may_change(me().id, here.role)
    return view


def _index(here: Here, form: ViewForm, refused: dict[int, Form] | None = None) -> Answer:
    """The page, with what is wrong in the form of one view or in the one that saves another."""
    refused = refused or {}
    status = max([form.status, *(each.status for each in refused.values())])
    listed = [_Listed(here, view, refused.get(view.id)) for view in views_of(here.id, me().id)]
    return render("views/index.html", form=form, views=listed, status=status)


class _Listed:
    """A view as its page lists it."""

    def __init__(self, here: Here, view: ViewName, form: Form | None) -> None:
        self.view = view
        self.url = f"{address('activity.of_organisation', org=here.handle)}?{urlencode({'q': view.query})}"
        self.may_change = view.user_id == me().id or may(Permission.MANAGE_MEMBERS)
        self.complaints = form.complaints if form else []
        self.is_open = isinstance(form, ViewForm)
        stored = ViewForm(formdata=None, name=view.name, q=view.query, shared=view.shared)
        self.form = form if isinstance(form, ViewForm) else stored
        try:
            self.explained = parse(view.query).explain()
        except BadQuery as error:
            self.explained = str(error)
