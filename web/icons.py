"""The icons: one SVG sprite, built at start from the files of lucide-static."""

import re
from pathlib import Path

from models.kinds.catalogue import KINDS

# The icon of each meaning, by its name in lucide; a kind declares its own.
DRAWINGS = {
    **{kind.noun: kind.icon for kind in KINDS},
    "organisation": "building-2",
    "project": "folder",
    "user": "user-round",
    "billing": "credit-card",
    "system": "cpu",
    "update": "pencil",
    "delete": "trash-2",
    "terminate": "power",
    "plus": "plus",
    "chevron": "chevron-down",
    "warning": "triangle-alert",
    "check": "check",
    "clock": "clock",
    "sign-out": "log-out",
    "settings": "settings",
    "activity": "activity",
    "copy": "copy",
    "search": "search",
    "close": "x",
    "except": "circle-slash",
    "view": "bookmark",
    "arrow-up": "arrow-up",
    "arrow-down": "arrow-down",
    "compare": "columns-2",
    "restore": "rotate-ccw",
    "output": "square-terminal",
    "previous": "chevron-left",
    "next": "chevron-right",
    "seal": "shield-check",
    "mail": "mail",
    "invitation": "mail-plus",
}
SHAPES = re.compile(r"<svg\b[^>]*>(.*)</svg>", re.DOTALL)
SYMBOL = (
    '<symbol id="{name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" '
    'stroke-linecap="round" stroke-linejoin="round">{shapes}</symbol>'
)


def sprite(folder: Path) -> str:
    """Returns an SVG with a symbol for each icon. Raises FileNotFoundError if npm has not been run."""
    symbols = (SYMBOL.format(name=name, shapes=_shapes(folder / f"{file}.svg")) for name, file in DRAWINGS.items())
    return f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(symbols)}</svg>'


def _shapes(file: Path) -> str:
    found = SHAPES.search(file.read_text(encoding="utf-8"))
    if found is None:
        raise ValueError(f"{file} is not an SVG as lucide-static draws them")
    return " ".join(found[1].split())
