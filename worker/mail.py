"""Sending mail: a letter filled in, and handed to the mail server of SMTP_URL."""

import smtplib
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from email_validator import validate_email
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from models.jobs.delivery import Letter, MailKey, MailLease
from models.people.account_link import Purpose, make_link
from models.people.user import by_email
from models.settings import Settings
from models.system.attempt import attempt
from models.transaction import transaction

PATIENCE_SECONDS = 20
TOKEN = "TOKEN"  # noqa: S105 (where a link is to have its token)
FOLDER = Path(__file__).resolve().parent.parent / "templates" / "mail"
LOADED: dict[str, Any] = {"loader": FileSystemLoader(FOLDER), "undefined": StrictUndefined, "trim_blocks": True}
TEXTS = Environment(**LOADED, autoescape=False)  # noqa: S701 (plain text)
PAGES = Environment(**LOADED, autoescape=True)
# Letters whose link is made when they are sent, to an account that may not exist: whoever asks for one gets the same
# answer in the same time, and the token is in no row at all.
MADE_NOW = {"reset": Purpose.RESET, "verify": Purpose.VERIFY}

# Only whoever reads the mail of an address is told that it has an account already.
NEW_EMAIL, EMAIL_TAKEN = "new_email", "email_taken"


class OnlyAscii(Exception):
    """The mail server cannot take the address, today or at another attempt."""


def deliver(key: MailKey, settings: Settings) -> None:
    """Send a mail if it is due and nobody else is at it; what fails is tried again, what is refused for good is not."""
    with transaction():
        held = MailLease.claim(key)
    if held is None:
        return
    with attempt(held):
        refusal = _send(held, settings)
        with transaction():
            if refusal is None:
                held.sent()
            else:
                held.give_up(refusal)


def _send(held: MailLease, settings: Settings) -> str | None:
    """Returns why the server will never take it; None when it has, or when nothing is to be sent."""
    letter = _ready(held)
    if letter is None:
        return None
    try:
        send(settings, message(settings, held.recipient, letter))
    except smtplib.SMTPRecipientsRefused as refused:
        [(code, answer)] = refused.recipients.values()
        if code < 500:
            raise
        return f"{code} {answer!r}"
    except OnlyAscii as refused:
        return str(refused)
    return None


def message(settings: Settings, recipient: str, letter: Letter) -> EmailMessage:
    """Returns the mail: plain text, and the same in simple HTML. A template's first line is the subject.

    A checkpoint is attached as well, since mail programs wrap lines.
    """
    written = TEXTS.get_template(f"{letter.template}.txt").render(letter.values)
    subject, _, body = written.partition("\n")
    found = EmailMessage()
    found["Subject"] = subject.strip()
    found["From"] = settings.mail_from
    found["To"] = in_ascii(recipient)
    found["Date"] = formatdate(localtime=False)
    found["Message-ID"] = make_msgid(domain=urlsplit(settings.public_url).hostname)
    found["Auto-Submitted"] = "auto-generated"
    found.set_content(body.strip() + "\n")
    note = letter.values.get("note", "")
    before, _, after = body.strip().partition(note) if note else (body.strip(), "", "")
    page = PAGES.get_template("letter.html").render(
        paragraphs=_paragraphs(before), note=note, rest=_paragraphs(after), link=letter.values.get("link")
    )
    found.add_alternative(page, subtype="html")
    if note:
        found.add_attachment(note, filename="checkpoint.txt")
    return found


def _paragraphs(body: str) -> list[str]:
    return [" ".join(each.split()) for each in body.strip().split("\n\n") if each.strip()]


def in_ascii(address: str) -> str:
    """Returns an address as every mail server takes it: its domain as it stands in DNS.

    Before the @ there is no such form: letters beyond ASCII stay, and need a server with SMTPUTF8 (RFC 6531).
    """
    return validate_email(address, check_deliverability=False, test_environment=True).ascii_email or address


def send(settings: Settings, mail: EmailMessage) -> None:
    """Hand a mail to the server. Raises OnlyAscii, and OSError, of which smtplib's errors are kinds."""
    to = urlsplit(settings.smtp_url)
    secure = to.scheme == "smtps"
    kind: Any = smtplib.SMTP_SSL if secure else smtplib.SMTP
    with kind(to.hostname or "localhost", to.port or (465 if secure else 25), timeout=PATIENCE_SECONDS) as server:
        server.ehlo()
        if not secure and server.has_extn("starttls"):
            server.starttls()
            server.ehlo()
        if not str(mail["To"]).isascii() and not server.has_extn("smtputf8"):
            raise OnlyAscii("the mail server does not offer SMTPUTF8, which an address beyond ASCII needs")
        if to.username:
            server.login(unquote(to.username), unquote(to.password or ""))
        server.send_message(mail)


def _ready(held: MailLease) -> Letter | None:
    letter = held.letter
    if letter.template == NEW_EMAIL and by_email(held.recipient):
        return Letter(EMAIL_TAKEN, {})
    purpose = MADE_NOW.get(letter.template)
    if purpose is None:
        return letter
    user = by_email(held.recipient)
    if user is None:
        return None
    with transaction():
        token = make_link(user, purpose, datetime.now(UTC))
    return letter._replace(values={**letter.values, "link": str(letter.values["link"]).replace(TOKEN, token)})
