"""The table, on the screen and in docs/performance.md."""

import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from bench.common import Ground, Row

FILE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
BEGIN, END = "<!-- table: written by python -m bench --write -->", "<!-- end of table -->"
HEADINGS = ("What", "Measured", "Against", "Measured", "Ratio (half the rounds)", "Goal", "Met")


Cells = tuple[str, ...]


def table(rows: list[Row]) -> str:
    """The rows in Markdown, its columns aligned for the screen."""
    return _table([_cells(row) for row in rows])


def conditions(ground: Ground, names: Sequence[str] = ()) -> str:
    """Where and when the figures are from; `names` are the files that were run, if not all of them."""
    with psycopg.connect(ground.superuser_url) as connection:
        row = connection.execute("SELECT current_setting('server_version'), max(last_number) FROM activity_heads")
        version, entries = row.fetchone() or ("?", 0)
    command = " ".join(["python -m bench --write", *names])
    return (
        f"`{command}` on {datetime.now(UTC):%d %B %Y}: {os.cpu_count()} cores, PostgreSQL {version}, "
        f"{entries:,} entries in the biggest organisation at the end."
    )


def write(rows: list[Row], ground: Ground, names: Sequence[str] = ()) -> None:
    """Put the table between its marks; the prose around them stays, and so do rows that were not measured again."""
    old = FILE.read_text()
    pattern = re.escape(BEGIN) + "(.*)" + re.escape(END)
    found = re.search(pattern, old, re.DOTALL)
    if not found:
        raise ValueError(f"{FILE.name} has no place for the table: {BEGIN} ... {END}")
    told, cells = [conditions(ground, names)], [_cells(row) for row in rows]
    if names:
        command = told[0].partition("` on ")[0]
        told = [each for each in _told(found[1]) if not each.startswith(f"{command}`")] + told
        cells = _joined(_kept(found[1]), cells)
    new = "\n\n".join([f"{BEGIN}\n{told[0]}", *told[1:], f"{_table(cells)}\n{END}"])
    FILE.write_text(re.sub(pattern, lambda _: new, old, flags=re.DOTALL))


def _table(rows: list[Cells]) -> str:
    cells = [HEADINGS, *rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in cells]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def _told(written: str) -> list[str]:
    """What is said of the runs that the rows are from."""
    return [line for line in written.splitlines() if line.startswith("`")]


def _kept(written: str) -> list[Cells]:
    """The rows of a table that was written before."""
    lines = [line for line in written.splitlines() if line.startswith("| ")]
    return [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in lines[1:]]


def _joined(kept: list[Cells], new: list[Cells]) -> list[Cells]:
    """The rows that were kept, each in the newer version that there is of it, and those that are new."""
    newer = {_name(row): row for row in new}
    return [newer.pop(_name(row), row) for row in kept] + list(newer.values())


def _name(row: Cells) -> tuple[str, str]:
    """What a row is recognised by: not by what was found to be the slowest."""
    return row[0].partition(", `")[0], row[2]


def _cells(row: Row) -> Cells:
    ratio = f"{_ratio(row.ratio)} ({_ratio(row.low)}–{_ratio(row.high)})"
    met = "" if row.goal is None else "yes" if row.goal.met_by(row.ratio) else "**no**"
    return row.what, row.figure, row.against, row.baseline, ratio, str(row.goal or ""), met


def _ratio(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:.4f}"
