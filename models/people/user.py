"""A person's account."""

from datetime import datetime

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import Boolean, DateTime, Identity, Integer, String, Text, func, select, text
from sqlalchemy.orm import Mapped, mapped_column

from models.database import Model, add, db
from models.errors import EmailTaken, Forbidden, Invalid, NotFound
from models.field import NAME_MOST, Field
from models.length import Length
from models.people.names import reads_as_erased, reads_as_system
from models.people.password import NOBODY, PASSWORD_MOST, hashed, verified

# RFC 5321, section 4.5.3.1.3, less the brackets around it: octets.
EMAIL_MOST = 254
EMAIL = Length(EMAIL_MOST, in_bytes=EMAIL_MOST)
NAME = Field("Name", most=NAME_MOST)
PASSWORD_LEAST = 10
# There is no row yet to lock; the number only has to be nobody else's.
ONE_FIRST = text("SELECT pg_advisory_xact_lock(7246001)")


class User(Model):
    """Someone who can sign in. What they did stays in the log under the name they had then."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    email: Mapped[str] = mapped_column(String(254))
    name: Mapped[str] = mapped_column(String(77))
    password_hash: Mapped[str] = mapped_column(Text)
    session_epoch: Mapped[int] = mapped_column(Integer, default=1)
    """Stands in every session; a new password raises it, which ends all sessions."""
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    verified_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    """When they last showed that mail to their address reaches them; None: never."""
    mails_deployments: Mapped[bool] = mapped_column(Boolean, default=True)
    """Whether they get a mail when a deployment fails that they asked for, or in an organisation that they manage."""
    mails_balance: Mapped[bool] = mapped_column(Boolean, default=True)
    """Whether they get a mail when the balance of an organisation that they own runs low."""
    mails_checkpoints: Mapped[bool] = mapped_column(Boolean, default=True)
    """Whether they get a mail each week with a checkpoint of the log of an organisation that they own."""

    def rename(self, name: str) -> None:
        """Take another name; entries already written keep the old one. Raises Invalid."""
        self.name = checked_name(name)

    def change_password(self, current: str, new: str) -> None:
        """Set a new password and end every session. Raises Invalid."""
        self.require_password(current, "current")
        self.password_hash = hashed(checked_password(new, "new"))
        self.session_epoch += 1

    def require_password(self, password: str, field: str) -> None:
        """Raises Invalid, naming the field, unless this is the account's password."""
        if not self.has_password(password):
            raise Invalid("That is not your current password.", field)

    def choose_mails(self, deployments: bool, balance: bool, checkpoints: bool) -> None:
        """Say of what one is told by mail: failed deployments, a balance that runs low, how far a log has grown."""
        self.mails_deployments, self.mails_balance, self.mails_checkpoints = deployments, balance, checkpoints

    def has_password(self, password: str) -> bool:
        """Whether this is the account's password."""
        return verified(self.password_hash, password)


def sign_up(email: str, name: str, password: str) -> User:
    """Create an account. Raises EmailTaken, Invalid."""
    user = User(email=checked_email(email), name=checked_name(name), session_epoch=1)
    user.password_hash = hashed(checked_password(password, "password"))
    add(user, EmailTaken("An account with this email exists. Sign in instead."))
    return user


def authenticate(email: str, password: str) -> User | None:
    """Returns the user with this email and password; None, in about the same time, whichever of them is wrong.

    Raises TooManyAttempts.
    """
    user = by_email(email)
    if user is None:
        verified(NOBODY, password)
        return None
    if not user.has_password(password):
        return None
    return user


def by_email(email: str) -> User | None:
    """Returns the user with this email, whatever its case; None when there is none."""
    if EMAIL.complaint("Email", email) or "\0" in email:
        return None  # nobody has such an address, and PostgreSQL would refuse to look for the second kind
    return db.session.scalar(select(User).where(User.email == email.strip().lower()))


def find_user(user_id: int) -> User:
    """Returns an account. Raises NotFound."""
    found = db.session.get(User, user_id)
    if found is None:
        raise NotFound("This account does not exist.")
    return found


def any_user() -> bool:
    """Whether anyone has signed up yet."""
    return db.session.scalar(select(User.id).limit(1)) is not None


def require_nobody_yet() -> None:
    """Have the first account made once, until the transaction ends. Raises Forbidden when there is one."""
    db.session.execute(ONE_FIRST)
    if any_user():
        raise Forbidden(
            "Sign-up is by invitation here. Ask an administrator of your organisation for an invitation link."
        )


def checked_email(email: str) -> str:
    """Returns the address as it is stored. Raises Invalid.

    Its length is looked at first: normalising takes time that grows with the square of a run of combining marks.
    """
    if complaint := EMAIL.complaint("Email", email):
        raise Invalid(complaint, "email")
    email = email.strip()
    try:
        # Domains of one's own network (acme.test, acme.local) are fine on a self-hosted platform.
        address = validate_email(email, check_deliverability=False, test_environment=True).normalized.lower()
    except EmailNotValidError as error:
        raise Invalid(f"Enter an email address: {error}", "email") from None
    return address


def checked_name(name: str) -> str:
    """Returns a person's name as it is stored. Raises Invalid, also for a name that is not a person's."""
    if NAME.length.complaint(NAME.label, name) is None:
        if reads_as_system(name):
            raise Invalid("“system” is what the log calls the platform itself; choose another name.", "name")
        if reads_as_erased(name):
            raise Invalid("“Erased person” is someone whose name was erased; choose another name.", "name")
    return " ".join(NAME.check(name).split())


def checked_password(password: str, field: str) -> str:
    """Returns a new password that is long enough, and no longer than is sensible. Raises Invalid."""
    if not PASSWORD_LEAST <= len(password) <= PASSWORD_MOST:
        raise Invalid(f"Use {PASSWORD_LEAST} to {PASSWORD_MOST} characters.", field)
    return password
