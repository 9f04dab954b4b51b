"""How long what a browser sends may be, looked at before anything else is done with it.

`Heads` refuses headers and addresses in front of the application, `attach` what addresses say and how many
fields a form has before its token is looked for, and `short_enough` is what a form takes its fields through.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flask import Flask, abort, request
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, HiddenField
from wtforms import Field as Input

from models.field import SHORT_MOST
from models.length import Length
from models.log.query import LENGTH
from models.settings import Settings
from web.form_body import TYPE
from web.serving.buffered import BODY_MOST_BYTES

# As web servers do. `Cookie` is as long as other applications on the host make it; each of ours has a limit of its own.
HEADER_MOST_BYTES = 8000
ADDRESS_MOST_BYTES = 8000
# Longer than any address of ours to go on to.
NEXT_MOST = 2000
# A handle, a number, the token of a link.
PART_MOST = 100
QUERY = {"next": Length(NEXT_MOST), "q": LENGTH, "add": LENGTH}
QUERY_LENGTH = Length(SHORT_MOST)
# Of forms, what is read without one.
BY_HAND = {name: Length(SHORT_MOST) for name in ("csrf_token", "of", "look")}
# Five hundred boxes to tick, and all other fields of the largest form.
FIELDS_MOST = 1000
# So much of what is too long is shown again, since people shorten what they have typed; still too long to be stored.
SHOWN_TIMES = 2

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Within:
    """How long an input that has no declaration may be; `short_enough` sees to it, so nothing is left to validate."""

    def __init__(self, characters: int, in_bytes: int | None = None) -> None:
        self.length = Length(characters, in_bytes)

    def __call__(self, _form: Any, _field: Input) -> None:
        """Finds what it is given short enough."""


class Heads:
    """Refuses long headers and addresses before the application, and what stands in front of it, reads them."""

    def __init__(self, application: Application) -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """One request (PEP 3333)."""
        for name, value in environ.items():
            if not isinstance(value, str) or len(value) <= HEADER_MOST_BYTES or name == "HTTP_COOKIE":
                continue
            if name.startswith(("HTTP_", "CONTENT_")):
                header = name.removeprefix("HTTP_").replace("_", "-").title()
                return _refused(start, "431 Request Header Fields Too Large", header, HEADER_MOST_BYTES)
        if len(environ["PATH_INFO"]) + len(environ["QUERY_STRING"]) > ADDRESS_MOST_BYTES:
            return _refused(start, "414 URI Too Long", "The address", ADDRESS_MOST_BYTES)
        return self.application(environ, start)


def attach(app: Flask, _: Settings) -> None:
    """Have `app` refuse what is too long, before anything else looks at a request."""
    app.wsgi_app = Heads(app.wsgi_app)  # type: ignore[assignment, method-assign]
    app.before_request(_refuse_too_long)


def _refuse_too_long() -> None:
    """Refuses with 400 what an address says, how many fields a form has, and what is read without a form."""
    for part in request.path.split("/"):
        if len(part) > PART_MOST:
            named = (name for name, value in (request.view_args or {}).items() if value == part)
            _refuse(Length(PART_MOST), f"“{next(named, 'a part')}” of this address", part)
    for name, texts in request.args.lists():
        for text in texts:
            _refuse(QUERY.get(name, QUERY_LENGTH), f"“{name[:SHORT_MOST]}” in this address", text)
    if request.method != "POST":
        return
    # Of JSON, WTForms would make fields that hold no text.
    if request.mimetype not in ("", TYPE):
        abort(400, f"Send a form ({TYPE}); nothing else is read.")
    fits = request.mimetype == TYPE and (request.content_length or 0) <= BODY_MOST_BYTES
    # Counted before they are taken apart.
    if fits and request.get_data().count(b"&") >= FIELDS_MOST:
        abort(400, f"The form has too many fields: at most {FIELDS_MOST:,} are read.")
    for name, length in BY_HAND.items():
        _refuse(length, f"“{name}”", request.form.get(name, ""))


def short_enough(inputs: Mapping[str, Input], sent: Any) -> tuple[MultiDict[str, str], dict[str, str]]:
    """Returns what was sent for a form's inputs, cut where it is too long, and what is wrong with it by their names.

    What nobody types is refused at once, with 400.
    """
    kept: MultiDict[str, str] = MultiDict()
    complaints: dict[str, str] = {}
    for name, input in inputs.items():
        length = length_of(input)
        for text in sent.getlist(input.name):
            if not isinstance(text, str):
                continue  # a file that bears the name of a field
            complaint = length.complaint(input.label.text, text)
            if complaint and isinstance(input, BooleanField | HiddenField):
                abort(400, complaint)
            if complaint:
                complaints[name] = complaint
            kept.add(input.name, text[: SHOWN_TIMES * length.characters] if complaint else text)
    return kept, complaints


def length_of(input: Input) -> Length:
    """Returns how long an input may be: what its declaration says, or `Within`, or else what a short text may have."""
    said = (each.length for each in input.validators if hasattr(each, "length"))
    return next(said, Length(SHORT_MOST))


def _refuse(length: Length, label: str, text: str) -> None:
    if complaint := length.complaint(label, text):
        abort(400, complaint)


def _refused(start: Callable[..., Any], status: str, what: str, most: int) -> Iterable[bytes]:
    sentence = f"{what} is too long: at most {most:,} bytes are allowed.\n"
    start(status, [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")])
    return [sentence.encode()]
