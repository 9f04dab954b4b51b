"""A forgotten password, and the proof of an address: pages that a mailed link leads to."""

from datetime import UTC, datetime

from flask import Blueprint, flash, redirect, url_for
from wtforms import PasswordField, StringField

from models.people.account_link import Purpose, look_at_link, reset_password, verify_email
from models.people.password import PASSWORD_MOST
from models.people.user import EMAIL, checked_email
from models.transaction import transaction
from web import form_token
from web.access import Answer, Open, me, needs
from web.bounds import Within
from web.forms import Form, TokenForm
from web.fragments import render
from web.limits import by_address, counters, mails_of, mails_to
from web.mailing import TOKEN, external, mails, post
from worker.hint import hint_all

bp = Blueprint("passwords", __name__)
SENT = "If there is an account with this address, a mail with a link is on its way to it. The link works for an hour."


class ForgottenForm(Form):
    """Whose password is forgotten."""

    email = StringField(
        "Email", [Within(*EMAIL)], render_kw={"type": "email", "autocomplete": "username", "maxlength": 254}
    )


class NewPasswordForm(Form):
    """The password from now on."""

    new = PasswordField(
        "New password",
        [Within(PASSWORD_MOST)],
        description="At least 10 characters. You are signed out everywhere.",
        render_kw={"autocomplete": "new-password"},
    )


@bp.route("/password-reset", methods=["GET", "POST"])
@needs(Open.TO_ANYONE)
def ask() -> Answer:
    """Ask for a link by mail; the worker finds out whether there is an account, so that the answer tells nothing."""
    form = ForgottenForm()
    if form.validate_on_submit() and mails():
        counters().attempt([by_address()])
        with form.show_errors():
            email = checked_email(form.email.data or "")
            # A stranger who makes the owner wait has sent them what they want.
            counters().attempt([mails_to(email)])
            with transaction() as hints:
                post(email, "reset", external("passwords.choose", token=TOKEN))
            hint_all(hints)
            flash(SENT)
            return redirect(url_for("account.login"))
    return render("password/ask.html", form=form, mails=mails(), status=form.status)


@bp.route("/password-reset/<token>", methods=["GET", "POST"])
@needs(Open.TO_ANYONE, stored=False)
def choose(token: str) -> Answer:
    """Choose a new password by the link, once."""
    user = look_at_link(token, Purpose.RESET, datetime.now(UTC))
    form = NewPasswordForm()
    if form.validate_on_submit():
        with form.show_errors():
            with transaction() as hints:
                reset_password(token, form.new.data or "", datetime.now(UTC))
                post(user.email, "password_changed", external("passwords.ask"))
            hint_all(hints)
            flash("Your password is changed. Sign in with it.")
            return redirect(url_for("account.login"))
    return render("password/choose.html", form=form, email=user.email, token_of_link=token, status=form.status)


@bp.route("/verify-email/<token>", methods=["GET", "POST"])
@needs(Open.TO_ANYONE, stored=False)
def verify(token: str) -> Answer:
    """Confirm an address by a button: programs that look into mail open links, but press nothing."""
    user = look_at_link(token, Purpose.VERIFY, datetime.now(UTC))
    form = TokenForm()
    if form.validate_on_submit():
        with transaction():
            verify_email(token, datetime.now(UTC))
        flash("Your email address is confirmed.")
        return redirect(url_for("orgs.index"))
    return render("password/verify.html", form=form, email=user.email, token_of_link=token, status=form.status)


@bp.post("/account/verify-email")
@needs(Open.TO_SIGNED_IN, stored=False)
def send_verification() -> Answer:
    """Mail the link that proves one's address, again or for the first time."""
    form_token.require()
    if mails():
        counters().attempt([mails_of(me().id)])
        with transaction() as hints:
            post(me().email, "verify", external("passwords.verify", token=TOKEN))
        hint_all(hints)
        flash(f"A mail with a link is on its way to {me().email}.")
    return redirect(url_for("account.settings"))
