"""Static files: ours from static/, third-party ones from node_modules; each address bears a digest of the content."""

import hashlib
from pathlib import Path

from flask import Flask, Response, abort, request, send_file

from models.settings import Settings
from web.access import Answer, Open, needs
from web.icons import sprite

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT / "static"
MODULES = ROOT / "node_modules"
FONT = "vendor/inter.woff2"
FILES = {
    "mark.svg": STATIC / "mark.svg",
    "vendor/htmx.min.js": MODULES / "htmx.org/dist/htmx.min.js",
    FONT: MODULES / "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2",
}
# One subject a file, joined in this order into one address each: of two equally specific rules, the later one holds.
STYLES = (
    *("tokens", "base", "header", "tabs", "page", "marks", "chips", "lists"),
    *("feed", "fold", "keys", "entry", "progress", "output", "forms", "settings", "actions", "billing"),
)
SCRIPTS = ("times", "feed", "rows", "live", "answers", "handles", "copy", "output", "keys", "back")
YEAR_SECONDS = 365 * 24 * 3600


def attach(app: Flask, _: Settings) -> None:
    """Serve them, and give templates `asset(path)`. Raises FileNotFoundError when npm has not been run."""
    versions = {path: _digest(file.read_bytes()) for path, file in FILES.items()}
    made = {
        "style.css": (_styles(versions[FONT]), "text/css"),
        "script.js": (_scripts(), "text/javascript"),
        "icons.svg": (sprite(MODULES / "lucide-static" / "icons"), "image/svg+xml"),
    }
    versions |= {path: _digest(content.encode()) for path, (content, _) in made.items()}

    @app.get("/static/<path:path>", endpoint="assets.file")
    @needs(Open.TO_ANYONE)
    def file(path: str) -> Answer:
        if path not in versions:
            abort(404)
        content, mimetype = made.get(path, ("", ""))
        response = Response(content, mimetype=mimetype) if path in made else send_file(FILES[path], conditional=True)
        # While one machine after another gets a new release, an old one is asked for what it does not have yet.
        return _kept(response) if request.args.get("v") == versions[path] else response

    # Known from the start: a page names a dozen of them.
    addresses = {path: f"/static/{path}?v={version}" for path, version in versions.items()}
    app.jinja_env.globals["asset"] = addresses.__getitem__


def _styles(font: str) -> str:
    """What they say, with the version of the font in its address, as it stands in pages."""
    styles = "\n".join((STATIC / "css" / f"{name}.css").read_text(encoding="utf-8") for name in STYLES)
    return styles.replace(f'url("{FONT}")', f'url("{FONT}?v={font}")')


def _scripts() -> str:
    """Each in a block of its own: what a file declares is seen by itself alone."""
    files = [(STATIC / "js" / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    return '"use strict";\n' + "\n".join(f"{{\n{file}}}" for file in files)


def _kept(response: Response) -> Response:
    response.cache_control.no_cache = None  # which Flask says of every file
    response.cache_control.public = True
    response.cache_control.max_age = YEAR_SECONDS
    # Another content has another address (RFC 8246): a browser need not even ask whether it has changed.
    response.cache_control.immutable = True
    return response


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]
