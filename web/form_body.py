"""The body of a form, read as exactly what was sent: bytes that are no text are refused, not replaced."""

from typing import IO, Any
from urllib.parse import unquote_to_bytes

from flask import Flask, Request, request
from werkzeug.datastructures import ImmutableMultiDict, MultiDict
from werkzeug.exceptions import BadRequest
from werkzeug.formparser import FormDataParser

from models.settings import Settings

TYPE = "application/x-www-form-urlencoded"
NO_TEXT = "What you sent contains bytes that are no text in UTF-8. Nothing was changed."

Parsed = tuple[IO[bytes], "MultiDict[str, str]", "MultiDict[str, object]"]


class ExactParser(FormDataParser):
    """Werkzeug's own would keep `%FF` as these three characters."""

    def parse(  # type: ignore[override]  # its types are those of a private alias
        self,
        stream: IO[bytes],
        mimetype: str,
        content_length: int | None,  # noqa: ARG002 (Werkzeug's signature)
        options: dict[str, str] | None = None,  # noqa: ARG002
    ) -> Parsed:
        """Returns the fields of a form. Raises BadRequest."""
        pairs = _pairs(stream.read()) if mimetype == TYPE else []
        return stream, self.cls(pairs), self.cls()


class Arguments(ImmutableMultiDict[str, str]):
    """What an address says; Werkzeug's own raises an error and catches it whenever something is not said."""

    def get(self, key: str, default: Any = None, type: Any = None) -> Any:  # type: ignore[override]
        """Returns the first value; `default` where there is none."""
        return super().get(key, default, type) if key in self else default


class ExactRequest(Request):
    """A request whose form is read so."""

    form_data_parser_class = ExactParser
    parameter_storage_class = Arguments


def attach(app: Flask, _: Settings) -> None:
    """Let `app` read forms so, before anything else looks at what was sent."""
    app.request_class = ExactRequest

    @app.before_request
    def read() -> None:
        if request.method == "POST":
            _ = request.form


def _pairs(body: bytes) -> list[tuple[str, str]]:
    """Returns names and values, whose lines end as they were typed.

    Nobody can type or paste CR LF into a text area: it holds LF, and browsers send CR LF in its place (HTML, "normalize
    newlines"), unless htmx sends the form. To many programs, a private key with CR LF is none.
    """
    pairs = []
    for pair in filter(None, body.split(b"&")):
        name, _, value = pair.replace(b"+", b" ").partition(b"=")
        try:
            typed = unquote_to_bytes(value).decode().replace("\r\n", "\n")
            pairs.append((unquote_to_bytes(name).decode(), typed))
        except UnicodeDecodeError:
            raise BadRequest(NO_TEXT) from None
    return pairs
