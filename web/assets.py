"""Static files: ours from static/, third-party ones from node_modules, each address bearing what it holds."""

import hashlib
from pathlib import Path

from flask import Flask, Response, abort, send_file

from web.access import Answer, Open, needs
from web.icons import sprite

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "node_modules"
VENDOR = {
    "vendor/htmx.min.js": MODULES / "htmx.org/dist/htmx.min.js",
    "vendor/inter.woff2": MODULES / "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2",
}
YEAR_SECONDS = 365 * 24 * 3600


def install(app: Flask) -> None:
    """Serve them, and give templates `asset(path)`. Raises FileNotFoundError when npm has not been run."""
    icons = sprite(MODULES / "lucide-static" / "icons")
    ours = {str(file.relative_to(ROOT / "static")): file for file in (ROOT / "static").rglob("*") if file.is_file()}
    files = {**ours, **VENDOR}
    versions = {path: _digest(file.read_bytes()) for path, file in files.items()}
    versions["icons.svg"] = _digest(icons.encode())

    @app.get("/static/<path:path>", endpoint="assets.file")
    @needs(Open.TO_ANYONE)
    def file(path: str) -> Answer:
        if path == "icons.svg":
            return _kept(Response(icons, mimetype="image/svg+xml"))
        if path not in files:
            abort(404)
        return _kept(send_file(files[path], conditional=True))

    # Known from the start: a page names a dozen of them.
    addresses = {path: f"/static/{path}?v={version}" for path, version in versions.items()}
    app.jinja_env.globals["asset"] = addresses.__getitem__


def _kept(response: Response) -> Response:
    response.cache_control.public = True
    response.cache_control.max_age = YEAR_SECONDS
    return response


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]
