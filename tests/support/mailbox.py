"""Where mail arrives, and what is in it."""

import re
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, Envelope, Session

LINK = re.compile(r"https://log\.example\.com(/\S+)")


class Box:
    """Keeps what arrives; `answer` is what the server says to each recipient."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.answer = "250 OK"

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take or refuse a recipient."""
        if self.answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.answer

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Keep a mail."""
        content = envelope.content
        assert isinstance(content, bytes)
        found = message_from_bytes(content, policy=policy.default)
        assert isinstance(found, EmailMessage)
        self.mails.append(found)
        return "250 OK"


def text_of(found: EmailMessage) -> str:
    """The plain text of a mail."""
    body = found.get_body(("plain",))
    assert body
    return str(body.get_content())


def path_in(found: EmailMessage) -> str:
    """The address that a mail leads to, within the dashboard."""
    link = LINK.search(text_of(found))
    assert link
    return link[1]
