"""One's own address: another one, and what is mailed to it."""

from datetime import UTC, datetime

from flask import Blueprint, flash, redirect, url_for

from models.people.account_link import look_at_address_link
from models.people.identity import ask_for_email, change_email, replace_email
from models.people.user import find_user
from models.transaction import transaction
from web import form_token
from web.access import Answer, Open, me, needs
from web.acting import acting
from web.forms import TokenForm
from web.fragments import render
from web.limits import counters, mails_of, passwords_of
from web.mailing import external, mails, post
from web.pages.account import also_check_password, settings_page
from web.pages.account_forms import EmailForm, MailsForm
from worker.hint import hint_all

bp = Blueprint("email", __name__)
ASKED = "A mail with a link is on its way to {}. Your address stays as it is until you open the link."


@bp.post("/account/email")
@needs(Open.TO_SIGNED_IN, stored=False)
def change() -> Answer:
    """Ask for another address, which a link mailed there proves; where no mail is sent, have it at once."""
    form = EmailForm()
    if form.validate():
        counters().attempt([passwords_of(me().id), mails_of(me().id)])
        with form.show_errors():
            told = _ask(form) if mails() else _replace(form)
    else:
        also_check_password(form, form.password)
    if form.refused:
        return settings_page(email_form=form)
    counters().forget([passwords_of(me().id)])
    flash(told)
    return redirect(url_for("account.settings"))


@bp.route("/account/email/<token>", methods=["GET", "POST"])
@needs(Open.TO_SIGNED_IN, stored=False)
def confirm(token: str) -> Answer:
    """Have the new address by a button: programs that look into mail open links, but press nothing."""
    now = datetime.now(UTC)
    wanted = look_at_address_link(me().id, token, now)
    form = TokenForm()
    if form.validate_on_submit():
        with form.show_errors():
            with acting() as actor:
                user = find_user(me().id)
                old = user.email
                change_email(user, actor, token, now)
                for address in (old, wanted):
                    post(address, "email_changed", external("account.settings"), old=old, new=wanted)
            flash(f"Your email address is now {wanted}.")
            return redirect(url_for("account.settings"))
    return render("account/email.html", form=form, email=wanted, token_of_link=token, status=form.status)


@bp.post("/account/mails")
@needs(Open.TO_SIGNED_IN, stored=False)
def choose() -> Answer:
    """Say of what one is told by mail."""
    form_token.require()
    form = MailsForm()
    if form.validate():
        with transaction():
            find_user(me().id).choose_mails(
                form.mails_deployments.data, form.mails_balance.data, form.mails_checkpoints.data
            )
        flash("Your choice is saved.")
    return redirect(url_for("account.settings"))


def _ask(form: EmailForm) -> str:
    with transaction() as hints:
        user = find_user(me().id)
        wanted, token = ask_for_email(user, form.password.data or "", form.email.data or "", datetime.now(UTC))
        # The worker finds out whether another account has the address, and then writes there what has been tried.
        post(wanted, "new_email", external("email.confirm", token=token))
        post(user.email, "email_asked", external("passwords.ask"), new=wanted)
    hint_all(hints)
    return ASKED.format(wanted)


def _replace(form: EmailForm) -> str:
    with acting() as actor:
        user = find_user(me().id)
        replace_email(user, actor, form.password.data or "", form.email.data or "")
    return f"Your email address is now {user.email}."
