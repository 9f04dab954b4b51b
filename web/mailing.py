"""Links that leave the browser, and whether mail can carry them."""

from typing import Any

from flask import current_app, url_for

from models.jobs import delivery

TOKEN = "TOKEN"  # noqa: S105 (the worker puts a token in its place)


def mails() -> bool:
    """Whether a mail server is set; without one, links are shown once, to be handed over."""
    return bool(current_app.config["SMTP_URL"])


def external(endpoint: str, **values: Any) -> str:
    """Returns the address of a page for someone elsewhere: at PUBLIC_URL, else at the host that was asked."""
    public: str = current_app.config["PUBLIC_URL"]
    if not public:
        return url_for(endpoint, **values, _external=True)
    # A mail must not lead where the Host header of whoever caused it says.
    return public.rstrip("/") + url_for(endpoint, **values)


def post(recipient: str, template: str, link: str, **values: Any) -> None:
    """Leave a mail to be sent, if any can be."""
    if mails():
        delivery.post(recipient, template, link=link, **values)
