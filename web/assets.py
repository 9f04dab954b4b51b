"""Static files: ours from static/, third-party ones from node_modules; each address bears a digest of the content."""

import hashlib
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from flask import Flask, Response, abort, request

from models.settings import Settings
from web import compression
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
    *(
        "feed",
        "finder",
        "moment",
        "histogram",
        "fold",
        "keys",
        "entry",
        "history",
        "proof",
        "progress",
        "output",
        "forms",
        "settings",
        "actions",
        "billing",
        "print",
        "forced",
    ),
)
SCRIPTS = (
    *(
        "times",
        "feed",
        "finder",
        "rows",
        "live",
        "newer",
        "older",
        "upwards",
        "histogram",
        "answers",
        "handles",
        "copy",
        "output",
        "keys",
        "back",
        "print",
    ),
)
TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".woff2": "font/woff2"}
YEAR_SECONDS = 365 * 24 * 3600


@dataclass(frozen=True)
class Asset:
    """A file as it is sent; its bytes are in memory, those of a text also packed."""

    content: bytes
    mimetype: str

    @cached_property
    def version(self) -> str:
        """A digest of the content, which stands in its address."""
        return hashlib.sha256(self.content).hexdigest()[:12]

    @cached_property
    def packed(self) -> bytes | None:
        """The content in gzip's format; None where that would not be shorter."""
        return compression.packed(self.content) if compression.is_text(self.mimetype) else None

    def answer(self, accepted: str) -> Response:
        """The content as a browser takes it that sends this Accept-Encoding; each form has an ETag of its own."""
        is_packed = self.packed is not None and compression.takes_gzip(accepted)
        response = Response(self.packed if is_packed else self.content, mimetype=self.mimetype)
        response.set_etag(f"{self.version}-{compression.GZIP}" if is_packed else self.version)
        if is_packed:
            response.headers["Content-Encoding"] = compression.GZIP
        response.make_conditional(request)
        return response


def attach(app: Flask, _: Settings) -> None:
    """Serve them, and have the filter `asset` of templates say where. Raises FileNotFoundError without a run of npm."""
    assets = _assets()

    @app.get("/static/<path:path>", endpoint="assets.file")
    @needs(Open.TO_ANYONE)
    def file(path: str) -> Answer:
        if path not in assets:
            abort(404)
        response = assets[path].answer(request.headers.get(compression.HEADER, ""))
        # While one machine after another gets a new release, an old one is asked for what it does not have yet.
        return _kept(response) if request.args.get("v") == assets[path].version else response

    # Known from the start: a page names a dozen of them.
    addresses = {path: f"/static/{path}?v={asset.version}" for path, asset in assets.items()}
    # A filter of something that does not change is applied when a template is read, not with each page.
    app.jinja_env.filters["asset"] = addresses.__getitem__


@cache
def _assets() -> dict[str, Asset]:
    """All there are, by path; read and packed once, before the processes fork that share them."""
    assets = {path: Asset(file.read_bytes(), TYPES[file.suffix]) for path, file in FILES.items()}
    made = {
        "style.css": _styles(assets[FONT].version),
        "script.js": _scripts(),
        "icons.svg": sprite(MODULES / "lucide-static" / "icons"),
    }
    assets |= {path: Asset(content.encode(), TYPES[Path(path).suffix]) for path, content in made.items()}
    for asset in assets.values():
        _ = asset.packed
    return assets


def _styles(font: str) -> str:
    """What they say, with the version of the font in its address, as it stands in pages."""
    styles = "\n".join((STATIC / "css" / f"{name}.css").read_text(encoding="utf-8") for name in STYLES)
    return styles.replace(f'url("{FONT}")', f'url("{FONT}?v={font}")')


def _scripts() -> str:
    """Each in a block of its own: what a file declares is seen by itself alone."""
    files = [(STATIC / "js" / f"{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    return '"use strict";\n' + "\n".join(f"{{\n{file}}}" for file in files)


def _kept(response: Response) -> Response:
    response.cache_control.public = True
    response.cache_control.max_age = YEAR_SECONDS
    # Another content has another address (RFC 8246): a browser need not even ask whether it has changed.
    response.cache_control.immutable = True
    return response
