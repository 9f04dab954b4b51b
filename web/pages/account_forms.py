"""The forms of accounts: signing in and up, and what people change about themselves."""

from wtforms import BooleanField, HiddenField, PasswordField, StringField

from web.forms import Form


class SignInForm(Form):
    """Email and password."""

    email = StringField("Email", render_kw={"type": "email", "autocomplete": "username", "autofocus": True})
    password = PasswordField("Password", render_kw={"autocomplete": "current-password"})
    next = HiddenField()


class SignUpForm(Form):
    """A new account."""

    name = StringField("Your name", render_kw={"autocomplete": "name", "autofocus": True, "maxlength": 77})
    email = StringField("Email", render_kw={"type": "email", "autocomplete": "username", "maxlength": 254})
    password = PasswordField(
        "Password", description="At least 10 characters.", render_kw={"autocomplete": "new-password"}
    )
    next = HiddenField()
    token = HiddenField()


class NameForm(Form):
    """Another name for oneself."""

    name = StringField(
        "Name",
        description="Entries already in the log keep the name you had then.",
        render_kw={"maxlength": 77},
    )


class PasswordForm(Form):
    """Another password."""

    current = PasswordField("Current password", render_kw={"autocomplete": "current-password"})
    new = PasswordField(
        "New password",
        description="At least 10 characters. You are signed out everywhere else.",
        render_kw={"autocomplete": "new-password"},
    )


class EmailForm(Form):
    """Another address."""

    email = StringField("New email", render_kw={"type": "email", "autocomplete": "email", "maxlength": 254})
    password = PasswordField("Your password", render_kw={"autocomplete": "current-password"})


class MailsForm(Form):
    """Of what one is told by mail."""

    mails_deployments = BooleanField(
        "Failed deployments",
        description="Of what you asked for, and of everything where you are owner or admin.",
    )
    mails_balance = BooleanField(
        "Low balance", description="Of organisations that you own, a day before nothing is left."
    )
