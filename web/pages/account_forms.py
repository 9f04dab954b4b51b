"""The forms of accounts: signing in and up, and what people change about themselves."""

from wtforms import BooleanField, HiddenField, PasswordField, StringField

from models.people.password import PASSWORD_MOST
from models.people.user import EMAIL, NAME, checked_email, checked_name, checked_password
from web.bounds import NEXT_MOST, Within
from web.forms import CheckedBy, Form


def _new_password(typed: str) -> str:
    return checked_password(typed, "password")


class SignInForm(Form):
    """Email and password."""

    email = StringField(
        "Email", [Within(*EMAIL)], render_kw={"type": "email", "autocomplete": "username", "autofocus": True}
    )
    password = PasswordField("Password", [Within(PASSWORD_MOST)], render_kw={"autocomplete": "current-password"})
    next = HiddenField(validators=[Within(NEXT_MOST)])


class SignUpForm(Form):
    """A new account."""

    name = StringField(
        "Your name",
        [Within(*NAME.length), CheckedBy(checked_name)],
        render_kw={"autocomplete": "name", "autofocus": True, "maxlength": 77},
    )
    email = StringField(
        "Email",
        [Within(*EMAIL), CheckedBy(checked_email)],
        render_kw={"type": "email", "autocomplete": "username", "maxlength": 254},
    )
    password = PasswordField(
        "Password",
        [Within(PASSWORD_MOST), CheckedBy(_new_password)],
        description="At least 10 characters.",
        render_kw={"autocomplete": "new-password"},
    )
    next = HiddenField(validators=[Within(NEXT_MOST)])
    token = HiddenField(validators=[Within(NEXT_MOST)])

    def invite(self, email: str) -> None:
        """Fixes the address: the invitation is for no other."""
        self.email.render_kw = {**self.email.render_kw, "readonly": True}
        if not self.is_submitted():
            self.email.data = email


class NameForm(Form):
    """Another name for oneself."""

    name = StringField(
        "Name",
        [Within(*NAME.length)],
        description="Entries already in the log keep the name you had then.",
        render_kw={"maxlength": 77},
    )


class PasswordForm(Form):
    """Another password."""

    current = PasswordField("Current password", [Within(PASSWORD_MOST)], render_kw={"autocomplete": "current-password"})
    new = PasswordField(
        "New password",
        [Within(PASSWORD_MOST), CheckedBy(_new_password)],
        description="At least 10 characters. You are signed out everywhere else.",
        render_kw={"autocomplete": "new-password"},
    )


class EmailForm(Form):
    """Another address."""

    email = StringField(
        "New email",
        [Within(*EMAIL), CheckedBy(checked_email)],
        render_kw={"type": "email", "autocomplete": "email", "maxlength": 254},
    )
    password = PasswordField("Your password", [Within(PASSWORD_MOST)], render_kw={"autocomplete": "current-password"})


class MailsForm(Form):
    """Of what one is told by mail."""

    mails_deployments = BooleanField(
        "Failed deployments",
        description="Of what you asked for, and of everything where you are owner or admin.",
    )
    mails_balance = BooleanField(
        "Low balance", description="Of organisations that you own, a day before nothing is left."
    )
    mails_checkpoints = BooleanField(
        "Checkpoints",
        description="Of the logs of organisations that you own, once a week: what shows that they were not changed.",
    )
