"""People: sign-up, sign-in, sign-out, and the page of one's own account."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

from flask import Blueprint, current_app, flash, redirect, request, url_for
from wtforms import PasswordField

from models.errors import Invalid, NotFound
from models.organisation import find_open_invitation
from models.people.first import is_token
from models.people.identity import rename
from models.people.session import begin_session, end_session
from models.people.user import User, any_user, authenticate, checked_email, find_user, require_nobody_yet, sign_up
from models.transaction import transaction
from web import cookie, devices, form_token, mailing
from web.access import Answer, Open, me, needs, signed_in
from web.acting import acting
from web.bounds import NEXT_MOST
from web.forms import Form
from web.fragments import render
from web.limits import SignIn, by_address, counters, passwords_of
from web.pages.account_forms import EmailForm, MailsForm, NameForm, PasswordForm, SignInForm, SignUpForm
from worker.hint import hint_all

bp = Blueprint("account", __name__)


BY_INVITATION = "Sign-up is by invitation here. Ask an administrator of your organisation for an invitation link."
FIRST_BY_ADDRESS = "The first account is made with the address that was printed when the pages were started."


@bp.get("/")
@needs(Open.TO_SIGNED_IN)
def home() -> Answer:
    """Lead to the list of organisations, which is the home page."""
    return redirect(url_for("orgs.index"))


@bp.route("/login", methods=["GET", "POST"])
@needs(Open.TO_ANYONE)
def login() -> Answer:
    """Sign in; an unknown email and a wrong password get one answer, in about the same time."""
    if signed_in():
        return _go_on()
    going_on = request.args.get("next", "")
    invitation = _invitation(going_on)
    form = SignInForm(next=going_on, email=invitation["email"] if invitation else "")
    if form.validate_on_submit():
        attempt = SignIn(form.email.data or "")
        found = authenticate(form.email.data or "", form.password.data or "")
        if found is not None:
            attempt.succeeded()
            _enter(found)
            return redirect(_inside(form.next.data))
        form.form_errors.append("Email or password is wrong.")
    return render("account/login.html", form=form, status=form.status, may_sign_up=_is_open())


@bp.post("/logout")
@needs(Open.TO_SIGNED_IN)
def logout() -> Answer:
    """Sign out, in this browser."""
    form_token.require()
    with transaction():
        end_session(me().id, me().session)
    cookie.end()
    flash("You are signed out.")
    return redirect(url_for("account.login"))


@bp.route("/signup", methods=["GET", "POST"])
@needs(Open.TO_ANYONE)
def signup() -> Answer:
    """Create an account, where that is open, or with an invitation."""
    if signed_in():
        return _go_on()
    form = SignUpForm(next=request.args.get("next", ""), token=request.args.get("token", ""))
    invitation = _invitation(form.next.data)
    if invitation:
        form.invite(invitation["email"])
    if not (_may_sign_up(form) or invitation):
        message = BY_INVITATION if any_user() else FIRST_BY_ADDRESS
        return render("errors/error.html", status=403, code=403, title="By invitation only", message=message)
    if form.validate_on_submit():
        counters().attempt([by_address()])
        with form.show_errors():
            invited = invitation is not None
            if invitation and checked_email(form.email.data or "") != invitation["email"]:
                raise Invalid(f"The invitation is for {invitation['email']}.", "email")
            with transaction() as hints:
                if not (_is_open() or invited):
                    require_nobody_yet()
                found = sign_up(form.email.data or "", form.name.data or "", form.password.data or "")
                mailing.post(found.email, "verify", mailing.external("passwords.verify", token=mailing.TOKEN))
            hint_all(hints)
            devices.remember(found.email)
            _enter(found)
            return redirect(_inside(form.next.data))
    return render("account/signup.html", form=form, status=form.status, invitation=invitation)


@bp.route("/account", methods=["GET", "POST"])
@needs(Open.TO_SIGNED_IN, stored=False)
def settings() -> Answer:
    """Show what one can change about oneself, and change the name."""
    form = NameForm(obj=me())
    if form.validate_on_submit():
        with form.show_errors(), acting() as actor:
            rename(find_user(me().id), actor, form.name.data or "")
        if not form.refused:
            flash("Your name is changed.")
            return redirect(url_for("account.settings"))
    return settings_page(name_form=form)


@bp.post("/account/password")
@needs(Open.TO_SIGNED_IN, stored=False)
def change_password() -> Answer:
    """Change the password, which ends every other session."""
    form = PasswordForm()
    mine = [passwords_of(me().id)]
    if form.validate():
        counters().attempt(mine)
        with form.show_errors():
            with transaction() as hints:
                user = find_user(me().id)
                user.change_password(form.current.data or "", form.new.data or "")
                mailing.post(user.email, "password_changed", mailing.external("passwords.ask"))
            hint_all(hints)
    else:
        also_check_password(form, form.current)
    if form.refused:
        return settings_page(password_form=form)
    counters().forget(mine)
    _enter(user)
    flash("Your password is changed, and you are signed out everywhere else.")
    return redirect(url_for("account.settings"))


def also_check_password(form: Form, current: PasswordField) -> None:
    """Looks at the password too where something else is refused already, so that all that is wrong is said at once.

    It is an attempt like any other. Raises TooManyAttempts.
    """
    if form_token.is_refused() or form.too_long:
        return
    mine = [passwords_of(me().id)]
    counters().attempt(mine)
    with form.show_errors():
        find_user(me().id).require_password(current.data or "", current.name)
        counters().forget(mine)


def settings_page(**sent: Form) -> Answer:
    """Shows the page of the account, with a form that was sent in place of a fresh one."""
    user = find_user(me().id)
    forms: dict[str, Form] = {
        "name_form": NameForm(formdata=None, obj=user),
        "email_form": EmailForm(formdata=None),
        "mails_form": MailsForm(formdata=None, obj=user),
        "password_form": PasswordForm(formdata=None),
        **sent,
    }
    status = max(each.status for each in forms.values())
    is_confirmed = user.verified_at is not None
    return render("account/settings.html", **forms, mails=mailing.mails(), is_confirmed=is_confirmed, status=status)


def _enter(user: User) -> None:
    with transaction():
        person = begin_session(user, request.headers.get("User-Agent", ""), request.remote_addr or "unknown")
    cookie.begin(person)


def _go_on() -> Answer:
    """Lead who is signed in already, in another tab, to where this one was going."""
    typed = request.form.get("email", "").strip().lower()
    if typed not in ("", me().email):
        flash(f"You are signed in as {me().email}. To use another account, sign out first.", "notice")
    return redirect(_inside(request.values.get("next")))


def _inside(target: str | None) -> str:
    """Returns where the person wanted to go, if that is an address of ours; otherwise the home page.

    Browsers leave out control characters and take a backslash for a slash, so an address with either may lead elsewhere
    than it says.
    """
    home = url_for("orgs.index")
    if not target or len(target) > NEXT_MOST or not target.isprintable() or "\\" in target:
        return home
    try:
        parts = urlsplit(target)
    except ValueError:
        return home
    is_ours = not (parts.scheme or parts.netloc) and target.startswith("/") and not target.startswith("//")
    return target if is_ours else home


def _may_sign_up(form: SignUpForm) -> bool:
    return _is_open() or (is_token(form.token.data or "", current_app.config["SECRET_KEY"]) and not any_user())


def _is_open() -> bool:
    return bool(current_app.config["SIGNUP"] == "open")


def _invitation(target: str | None) -> dict[str, str] | None:
    """Returns the invitation that the person came from, if `next` is its link."""
    if len(target or "") > NEXT_MOST:
        return None
    parts = (target or "").strip("/").split("/")
    if len(parts) != 2 or parts[0] != "invitations":
        return None
    try:
        organisation, found = find_open_invitation(parts[1], datetime.now(UTC))
    except NotFound:
        return None
    return {"organisation_name": organisation.name, "role": found.role, "email": found.email}
