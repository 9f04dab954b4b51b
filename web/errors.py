"""What a person sees when something is refused or goes wrong."""

import logging

import psycopg
from flask import Flask, Response, g, make_response, request
from sqlalchemy.exc import DataError, OperationalError
from werkzeug.exceptions import HTTPException, Unauthorized

from models.database import db
from models.errors import DomainError, Forbidden, NotFound, TooManyAttempts
from models.settings import Settings
from web import cookie, signed_out
from web.fragments import html_of_failure, wants_fragment

log = logging.getLogger(__name__)
NUMERIC_OUT_OF_RANGE = "22003"
TITLES = {
    400: ("That did not work", "The request could not be understood. Go back and try again."),
    403: (
        "Not allowed",
        "Your role in this organisation does not allow this. An owner or admin can change it.",
    ),
    404: ("Not found", "There is nothing here, or it is not visible to you."),
    405: ("That did not work", "This address does not take that kind of request."),
    409: ("Already done", "This was already done."),
    413: ("Too large", "What you sent is too large."),
    429: ("Too many attempts", "Wait a few minutes, then try again."),
    500: ("Something went wrong", "It is our fault, and it is written down. Nothing was changed. Try again."),
    503: ("Busy", "The database did not answer in time. Nothing was changed. Try again in a moment."),
}


def attach(app: Flask, _: Settings) -> None:
    """Answer every kind of error with one page, under its own status."""
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Unauthorized, signed_out.answer)
    app.register_error_handler(DomainError, _refused)
    app.register_error_handler(TooManyAttempts, _too_many)
    for kind in (OperationalError, psycopg.OperationalError, psycopg.InterfaceError):
        app.register_error_handler(kind, _busy)
    app.register_error_handler(DataError, _out_of_range)
    app.register_error_handler(Exception, _broken)


def _http(error: HTTPException) -> Response:
    code = error.code or 500
    if code < 400:
        return error.get_response()  # type: ignore[return-value]
    message = None
    if code == 400 and error.description and type(error).description != error.description:
        message = error.description
    return _page(code, message)


def _refused(error: DomainError) -> Response:
    code = 404 if isinstance(error, NotFound) else 403 if isinstance(error, Forbidden) else 409
    return _page(code, str(error))


def _too_many(error: TooManyAttempts) -> Response:
    response = _page(429, str(error))
    response.headers["Retry-After"] = str(error.seconds)
    return response


def _busy(error: Exception) -> Response:
    log.error("the database refused: %s", getattr(error, "orig", error))
    db.session.rollback()
    return _page(503)


def _out_of_range(error: DataError) -> Response:
    # An id or a cursor with more digits than any row's: not found, like every other made-up one.
    if getattr(error.orig, "sqlstate", None) != NUMERIC_OUT_OF_RANGE:
        return _broken(error)
    db.session.rollback()
    return _page(404)


def _broken(error: Exception) -> Response:
    log.exception("unexpected: %s", type(error).__name__)
    db.session.rollback()
    return _page(500)


def _page(code: int, message: str | None = None) -> Response:
    title, usual = TITLES.get(code, TITLES[400] if code < 500 else TITLES[500])
    if wants_fragment():
        return make_response(message or usual, code)
    # Whether their session still lasts is for the next page to find out.
    comes_back = cookie.whose() is not None
    # Of an organisation that one belongs to, what is missing is simply not there.
    perhaps_foreign = code == 404 and comes_back and request.path.startswith("/orgs/") and "organisation" not in g
    shown = {"code": code, "title": title, "message": message or usual, "comes_back": comes_back}
    shown |= {"perhaps_foreign": perhaps_foreign}
    return make_response(html_of_failure("errors/error.html", shown), code)
