"""Members: who belongs to the organisation, and who is invited."""

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, abort, flash, g, redirect, url_for
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its stubs

from models.errors import NotFound
from models.log.actor import Actor
from models.log.people import former_members, shown_as
from models.organisation import Organisation, by_handle, find_open_invitation
from models.people.access import OWNERS_TO_GRANT, Permission, Role, allows
from models.people.invitation import Invited, find_invitation, invitations
from models.people.member import (
    Membership,
    find_member,
    invite_member,
    members,
    resend_invitation,
    revoke_invitation,
)
from models.people.user import EMAIL, checked_email
from models.system.erasure import INTEGER, Erasure, erase_former_member
from web import form_token
from web.access import Answer, Open, may, me, needs
from web.acting import acting
from web.bounds import Within
from web.erasures import remember
from web.flashes import tell
from web.forms import Form, TokenForm
from web.fragments import render
from web.limits import counters, mails_to
from web.mailing import external, mails, post
from web.words import a

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

    email = StringField("Email", [Within(*EMAIL)], render_kw={"type": "email", "autocomplete": "off", "maxlength": 254})


class EraseForm(Form):
    """What someone is called, typed to confirm that it is to be erased."""

    confirm = StringField("Name", render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"})


@bp.get("/orgs/<org>/members")
@needs(Permission.READ)
def index(organisation: Organisation) -> Answer:
    """Show everyone in the organisation."""
    return _people(organisation, MemberForm(formdata=None, role="member"))


@bp.post("/orgs/<org>/members")
@needs(Permission.MANAGE_MEMBERS, stored=False)
def add(organisation: Organisation) -> Answer:
    """Invite someone; the link is shown this once."""
    form = MemberForm()
    if form.validate():
        with form.show_errors():
            email, role = checked_email(form.email.data or ""), form.role.data or ""
            _count_mail(email)
            with acting() as actor:
                invited = invite_member(organisation.id, actor, email, role, datetime.now(UTC), mails())
                link = _sent(organisation, actor, invited)
            return _invited(organisation, invited, link)
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
    tell(f"{found.user.name} is now {a(found.role)} of {organisation.name}.")
    return redirect(url_for("members.index", org=organisation.handle))


@bp.post("/orgs/<org>/members/<int:user_id>/remove")
@needs(Permission.READ_LOG, even_when_deleted=True)
def remove(organisation: Organisation, user_id: int) -> Answer:
    """Take someone out of the organisation; everyone may leave by themselves, also once it is deleted."""
    if user_id != me().id and not allows(g.role, Permission.MANAGE_MEMBERS):
        abort(403)
    found = _find(organisation, user_id)
    form = TokenForm()
    name = found.user.name
    if form.validate():
        with form.show_errors(), acting() as actor:
            found.remove(actor)
    if form.refused and not may(Permission.READ):
        # The list of members is closed to an auditor, and to everyone once the organisation is deleted.
        flash(" ".join(form.complaints), "error")
        return redirect(url_for("orgs.show", org=organisation.handle))
    if form.refused:
        return _people(organisation, MemberForm(formdata=None, role="member"), {user_id: form})
    if user_id == me().id:
        flash(f"You left {organisation.name}.")
        return redirect(url_for("orgs.index"))
    tell(f"{name} was removed from {organisation.name}.")
    return redirect(url_for("members.index", org=organisation.handle))


@bp.post("/orgs/<org>/members/<int:user_id>/erase")
@needs(Permission.ERASE_MEMBERS)
def erase(organisation: Organisation, user_id: int) -> Answer:
    """Erase the name and the addresses of someone who is no member any more."""
    if user_id > INTEGER:
        abort(404)
    form = EraseForm()
    done: list[Erasure] = []
    if form.validate():
        with form.show_errors(), acting() as actor:
            done = erase_former_member(organisation.id, actor, user_id, form.confirm.data or "")
    if form.refused:
        return _people(organisation, MemberForm(formdata=None, role="member"), erasing={user_id: form})
    remember(done)
    tell(f"Erased. They are shown as {shown_as(done[0].tag)} from now on.")
    return redirect(url_for("members.index", org=organisation.handle))


@bp.post("/orgs/<org>/members/invitations/<int:id>/revoke")
@needs(Permission.MANAGE_MEMBERS)
def revoke(organisation: Organisation, id: int) -> Answer:
    """Make an invitation's link worthless."""
    form_token.require()
    with acting() as actor:
        revoke_invitation(organisation.id, actor, id, datetime.now(UTC))
    tell("The invitation is revoked.")
    return redirect(url_for("members.index", org=organisation.handle))


@bp.post("/orgs/<org>/members/invitations/<int:id>/resend")
@needs(Permission.MANAGE_MEMBERS, stored=False)
def resend(organisation: Organisation, id: int) -> Answer:
    """Make a new link for an invitation, valid for another seven days."""
    form_token.require()
    _count_mail(find_invitation(organisation.id, id).email)
    with acting() as actor:
        invited = resend_invitation(organisation.id, actor, id, datetime.now(UTC), mails())
        link = _sent(organisation, actor, invited)
    return _invited(organisation, invited, link)


@bp.get("/orgs/<org>/join/<token>")
@needs(Open.TO_ANYONE, stored=False)
def join(org: str, token: str) -> Answer:
    """Lead on from a link of the kind made before; without an open one, nothing is learnt of the organisation."""
    organisation = by_handle(org)
    old = f"{organisation.id if organisation else 0}.{token.rpartition('.')[2]}"
    find_open_invitation(old, datetime.now(UTC))
    return redirect(url_for("invitations.show", token=old))


def _count_mail(email: str) -> None:
    """Raises TooManyAttempts when one has sent so many mails there that it is a nuisance."""
    if mails():
        counters().attempt([mails_to(email, me().id)])


def _sent(organisation: Organisation, actor: Actor, invited: Invited) -> str:
    invitation = invited.invitation
    link = external("invitations.show", token=invited.token)
    post(
        invitation.email,
        "invitation",
        link,
        inviter=actor.name,
        organisation=organisation.name,
        role=str(invitation.role),
    )
    return link


def _invited(organisation: Organisation, invited: Invited, link: str) -> Answer:
    """A link that goes out by mail is not shown: that it comes back proves the address."""
    if not invited.invitation.mailed:
        return _people(organisation, MemberForm(formdata=None, role="member"), invitation_link=link)
    tell(f"An invitation is on its way to {invited.invitation.email}.")
    return redirect(url_for("members.index", org=organisation.handle))


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
    erasing: dict[int, EraseForm] | None = None,
) -> Answer:
    may_manage = allows(g.role, Permission.MANAGE_MEMBERS)
    people = [_shown(each, (refused or {}).get(each.user_id), may_manage) for each in members(organisation.id)]
    form.offer(g.role)
    invited = invitations(organisation.id, datetime.now(UTC)) if may_manage else []
    former = former_members(organisation.id) if may(Permission.ERASE_MEMBERS) else []
    for user_id in (erasing or {}).keys() - {each.user_id for each in former}:
        flash(" ".join((erasing or {})[user_id].complaints), "error")
    wrong = [*(refused or {}).values(), *(erasing or {}).values()]
    status = max([form.status, *(each.status for each in wrong)])
    return render(
        "members/index.html",
        people=people,
        invitations=invited,
        former=[(each, (erasing or {}).get(each.user_id) or EraseForm(formdata=None)) for each in former],
        may_change={each.id for each in invited if g.role == Role.OWNER or each.role not in OWNERS_TO_GRANT},
        form=form,
        invitation_link=invitation_link,
        mails=mails(),
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
