"""Members: who belongs to the organisation, and who is invited."""

from typing import Any

from flask import Blueprint, abort, flash, g, redirect, url_for
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its stubs

from models.errors import NotFound
from models.log.actor import Actor, Door
from models.organisation import Organisation, find_open_invitation
from models.people import invitation
from models.people.access import OWNERS_TO_GRANT, Permission, Role, allows
from models.people.invitation import Invited, invitations
from models.people.member import Membership, accept_invitation, add_member, find_member, members
from models.people.user import find_user
from models.transaction import transaction
from web.access import Answer, Open, me, needs, signed_in
from web.acting import acting
from web.forms import Form, TokenForm
from web.fragments import render

bp = Blueprint("members", __name__)


ROLES = [SelectChoice(role.value, role.value.capitalize()) for role in Role]


class RoleForm(Form):
    """Another role; only owners are offered to make owners."""

    role = SelectField("Role", choices=ROLES, validate_choice=False)

    def offer(self, granting: str | None) -> None:
        """Leave out what someone in the role `granting` cannot give."""
        if granting != Role.OWNER:
            self.role.choices = [each for each in ROLES if each.value not in OWNERS_TO_GRANT]


class MemberForm(RoleForm):
    """Someone to let in."""

    email = StringField("Email", render_kw={"type": "email", "autocomplete": "off", "maxlength": 254})


@bp.get("/orgs/<org>/members")
@needs(Permission.READ)
def index(organisation: Organisation) -> Answer:
    """Show everyone in the organisation."""
    return _people(organisation, MemberForm(formdata=None, role="member"))


@bp.post("/orgs/<org>/members")
@needs(Permission.MANAGE_MEMBERS)
def add(organisation: Organisation) -> Answer:
    """Let someone in, or invite them; the link is shown this once."""
    form = MemberForm()
    if form.validate():
        with form.show_errors():
            with acting() as actor:
                email, role = form.email.data or "", form.role.data or ""
                added = add_member(organisation.id, actor, email, role)
            if isinstance(added, Invited):
                link = url_for("members.join", org=organisation.handle, token=added.token, _external=True)
                return _people(organisation, MemberForm(formdata=None, role="member"), invitation_link=link)
            flash(f"{added.user.name} is now {added.role} of {organisation.name}.")
            return redirect(url_for("members.index", org=organisation.handle))
    return _people(organisation, form)


@bp.post("/orgs/<org>/members/<int:user_id>")
@needs(Permission.MANAGE_MEMBERS)
def change_role(organisation: Organisation, user_id: int) -> Answer:
    """Give someone another role."""
    found = _find(organisation, user_id)
    form = RoleForm()
    if form.validate():
        with form.show_errors(), acting() as actor:
            found.change_role(actor, form.role.data or "")
    if form.refused:
        return _people(organisation, MemberForm(formdata=None, role="member"), {user_id: form})
    flash(f"{found.user.name} is now {found.role}.")
    return redirect(url_for("members.index", org=organisation.handle))


@bp.post("/orgs/<org>/members/<int:user_id>/remove")
@needs(Permission.READ)
def remove(organisation: Organisation, user_id: int) -> Answer:
    """Take someone out of the organisation; everyone may leave by themselves."""
    if user_id != me().id and not allows(g.role, Permission.MANAGE_MEMBERS):
        abort(403)
    found = _find(organisation, user_id)
    form = TokenForm()
    name = found.user.name
    if form.validate():
        with form.show_errors(), acting() as actor:
            found.remove(actor)
    if form.refused:
        return _people(organisation, MemberForm(formdata=None, role="member"), {user_id: form})
    if user_id == me().id:
        flash(f"You left {organisation.name}.")
        return redirect(url_for("orgs.index"))
    flash(f"{name} was removed from {organisation.name}.")
    return redirect(url_for("members.index", org=organisation.handle))


@bp.post("/orgs/<org>/members/invitations/<int:id>/revoke")
@needs(Permission.MANAGE_MEMBERS)
def revoke(organisation: Organisation, id: int) -> Answer:
    """Make an invitation's link worthless."""
    with transaction():
        invitation.revoke(organisation.id, id)
    flash("The invitation is revoked.")
    return redirect(url_for("members.index", org=organisation.handle))


@bp.route("/orgs/<org>/join/<token>", methods=["GET", "POST"])
@needs(Open.TO_ANYONE)
def join(org: str, token: str) -> Answer:
    """Accept an invitation; whoever has no token that opens it does not learn whether there is such an organisation."""
    organisation, found = find_open_invitation(org, token)
    form = TokenForm()
    if signed_in() and form.validate_on_submit():
        if g.standing.here is not None:
            return redirect(url_for("orgs.show", org=org))
        with form.show_errors():
            with transaction():
                joining = Actor(me().id, me().name, found.role, Door.WEB)
                accept_invitation(found, find_user(me().id), joining)
            flash(f"Welcome to {organisation.name}.")
            return redirect(url_for("orgs.show", org=org))
    shown = {"organisation_name": organisation.name, "role": found.role, "email": found.email}
    return render("members/join.html", invitation=shown, form=form, org=org, token=token, status=form.status)


def _find(organisation: Organisation, user_id: int) -> Membership:
    try:
        return find_member(organisation.id, user_id)
    except NotFound:
        abort(404)


def _people(
    organisation: Organisation,
    form: MemberForm,
    refused: dict[int, Any] | None = None,
    invitation_link: str | None = None,
) -> Answer:
    may_manage = allows(g.role, Permission.MANAGE_MEMBERS)
    people = [_shown(each, (refused or {}).get(each.user_id), may_manage) for each in members(organisation.id)]
    form.offer(g.role)
    invited = invitations(organisation.id) if may_manage else []
    status = max([form.status, *(each.status for each in (refused or {}).values())])
    return render(
        "members/index.html",
        people=people,
        invitations=invited,
        form=form,
        invitation_link=invitation_link,
        status=status,
    )


def _shown(membership: Membership, refused: Any, may_manage: bool) -> dict[str, Any]:
    changeable = may_manage and (g.role == Role.OWNER or membership.role not in OWNERS_TO_GRANT)
    form = None
    if changeable:
        form = refused if isinstance(refused, RoleForm) else RoleForm(formdata=None, role=membership.role)
        form.offer(g.role)
    return {
        "user_id": membership.user_id,
        "name": membership.user.name,
        "email": membership.user.email,
        "role": membership.role,
        "joined_at": membership.created_at,
        "form": form,
        "errors": refused.complaints if refused else [],
        "is_me": membership.user_id == me().id,
        "may_remove": changeable or membership.user_id == me().id,
    }
