"""The table, on the screen and in docs/performance.md."""

import os
import re
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from bench.common import Ground, Row

FILE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
BEGIN, END = "<!-- table: written by python -m bench --write -->", "<!-- end of table -->"
HEADINGS = ("What", "Measured", "Against", "Measured", "Ratio (half the rounds)", "Goal", "Met")


def table(rows: list[Row]) -> str:
    """The rows in Markdown, its columns aligned for the screen."""
    cells = [HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in cells]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def conditions(ground: Ground) -> str:
    """Where and when the figures are from."""
    with psycopg.connect(ground.superuser_url) as connection:
        row = connection.execute("SELECT current_setting('server_version'), max(last_number) FROM activity_heads")
        version, entries = row.fetchone() or ("?", 0)
    return (
        f"`python -m bench --write` on {datetime.now(UTC):%d %B %Y}: {os.cpu_count()} cores, PostgreSQL {version}, "
        f"{entries:,} entries in the biggest organisation at the end."
    )


def write(rows: list[Row], ground: Ground) -> None:
    """Put the table between its marks; the prose around them stays as it is."""
    new = f"{BEGIN}\n{conditions(ground)}\n\n{table(rows)}\n{END}"
    old = FILE.read_text()
    pattern = re.escape(BEGIN) + ".*" + re.escape(END)
    if not re.search(pattern, old, re.DOTALL):
        raise ValueError(f"{FILE.name} has no place for the table: {BEGIN} ... {END}")
    FILE.write_text(re.sub(pattern, lambda _: new, old, flags=re.DOTALL))


def _cells(row: Row) -> tuple[str, ...]:
    ratio = f"{_ratio(row.ratio)} ({_ratio(row.low)}–{_ratio(row.high)})"
    met = "" if row.goal is None else "yes" if row.goal.met_by(row.ratio) else "**no**"
    return row.what, row.figure, row.against, row.baseline, ratio, str(row.goal or ""), met


def _ratio(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:.4f}"
