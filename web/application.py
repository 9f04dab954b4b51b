"""The Flask app: pages, and the fragments that htmx swaps into them."""

from collections.abc import Callable, MutableMapping
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, g
from flask.templating import Environment
from werkzeug.middleware.proxy_fix import ProxyFix

from models import database, quotas, sealed
from models.patience import OF_A_REQUEST
from models.settings import Settings
from web import (
    access,
    acting,
    addresses,
    assets,
    bounds,
    changes,
    chips,
    compression,
    cookie,
    erasures,
    errors,
    feeds,
    finding,
    form_body,
    form_token,
    forms,
    fragments,
    limits,
    seals,
    words,
)
from web.pages import (
    account,
    activity,
    billing,
    deployments,
    email,
    everywhere,
    health,
    history,
    invitations,
    members,
    organisations,
    passwords,
    projects,
    proof,
    resources,
    sessions,
    views,
)
from web.serving.buffered import BODY_MOST_BYTES
from worker import hint, output

ROOT = Path(__file__).resolve().parent.parent
SESSION_SECONDS = 14 * 24 * 3600
# As which health checks of this machine ask; links for elsewhere are never made of it.
LOOPBACK = ("127.0.0.1",)
TLS_SECONDS = 365 * 24 * 3600

# Pages load our own files and nothing inline, so that markup smuggled into a name finds nothing that runs it.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
PROTECTION = (
    ("Content-Security-Policy", POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    # A person's pages stay out of shared caches, and what is kept for the back button is asked about before it is shown
    # again in any other way; assets set a header of their own.
    ("Cache-Control", "private, no-cache"),
)


class Templates(Environment):
    """Flask's own, with one map of what all templates know: each page copies it, and a chain of maps slowly."""

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """Returns what a template knows, which is complete before the first one is rendered."""
        return {**self.globals, **(d or {})}


class Application(Flask):
    """Flask with plain functions alone: it looks at each of them in every request whether it is a coroutine."""

    jinja_environment = Templates

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Returns the function."""
        return func


def create_app(settings: Settings) -> Flask:
    """Build the web application. Raises RuntimeError when a route does not say what it needs."""
    app = Application("web", static_folder=None, template_folder=str(ROOT / "templates"))
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SIGNUP=settings.signup,
        SMTP_URL=settings.smtp_url,
        PUBLIC_URL=settings.public_url,
        TRUSTED_HOSTS=[*settings.trusted_hosts, *LOOPBACK] if settings.trusted_hosts else None,
        REDIS_URL=settings.redis_url,
        MAX_CONTENT_LENGTH=BODY_MOST_BYTES,
        SESSION_COOKIE_NAME="activity_log_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        PERMANENT_SESSION_LIFETIME=SESSION_SECONDS,
        # The cookie is not signed anew with every page: that costs more than the rows of a page.
        SESSION_REFRESH_EACH_REQUEST=False,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    trusted = settings.trusted_proxies
    if trusted:
        # Else every sign-in attempt would count against the proxy's address, and invitation links would name its port.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=trusted, x_proto=trusted, x_host=trusted)  # type: ignore[method-assign]
    # First, so that it has an answer last, when nobody looks into it any more.
    compression.attach(app, settings)
    database.attach(app, settings, OF_A_REQUEST)
    reading, answering = (bounds, cookie, form_body, form_token), (fragments, assets, words, errors)
    for module in (sealed, quotas, hint, output, *reading, limits, health, erasures, *answering, acting):
        module.attach(app, settings)
    _routes(app)
    _templates(app)
    app.after_request(_protect)
    if settings.secure_cookies:
        app.after_request(_keep_to_tls)
    access.require_guards(app)
    return app


def _routes(app: Flask) -> None:
    app.url_map.converters |= {"kind": addresses.KindConverter, "int": addresses.NumberConverter}
    for area in (
        account,
        sessions,
        email,
        everywhere,
        passwords,
        organisations,
        members,
        invitations,
        billing,
        projects,
        proof,
        resources,
        deployments,
        activity,
        views,
        health,
        history,
    ):
        app.register_blueprint(area.bp)


def _templates(app: Flask) -> None:
    # A page shows a hundred icons, thirty different ones: each is rendered once a process.
    icons: Any = app.jinja_env.get_template("_icon.html").module
    app.jinja_env.globals["icon"] = cache(icons.icon)
    app.jinja_env.globals.update(
        entries_html=feeds.entries_html,
        finder_html=feeds.finder_html,
        describe_fold=feeds.describe_fold,
        seal_html=seals.seal_html,
        chip_of=chips.chip_of,
        briefly=changes.briefly,
        adding=finding.adding,
        can=access.may,
        rights=access.rights,
        once=fragments.once,
        url_for=addresses.address,
        csrf_token=forms.csrf_token,
    )


def _keep_to_tls(response: Response) -> Response:
    """Let browsers come over TLS alone from now on (RFC 6797); of other hosts of the domain nothing is said."""
    response.headers["Strict-Transport-Security"] = f"max-age={TLS_SECONDS}"
    return response


def _protect(response: Response) -> Response:
    headers = response.headers
    if not g.get("stored", True):
        headers["Cache-Control"] = "no-store"
    # Looked up once: that a header is not there costs an exception each time.
    there = {name.lower() for name in headers.keys()}  # noqa: SIM118 (its items are pairs)
    for name, value in PROTECTION:
        if name.lower() not in there:
            headers.add(name, value)
    return response
