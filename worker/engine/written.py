"""Reading what a container has written, from the stream in which an engine gives it."""

import re
from collections import deque
from collections.abc import Iterable
from typing import Any

from models.jobs.output import LINES_MOST, Line

# Lines may be long: rather fewer of them are read than more than this.
READ_MOST = 4 * 1024 * 1024
LINE_BYTES_MOST = 64 * 1024
FEWER = (LINES_MOST, LINES_MOST // 10, 5)
STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)) ")
# Colours and other orders to a terminal: sequences that begin with escape, and all other control characters.
ORDERS = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)


class TooMuch(Exception):
    """So many lines are more than is read."""


def written(api: Any, container: str, node: int) -> list[Line]:
    """The last lines that a container has written to its output and its errors, oldest first."""
    for lines in FEWER:
        said = api.logs(container, stdout=True, stderr=True, timestamps=True, tail=lines, stream=True, follow=False)
        try:
            return list(parse(said, node))
        except TooMuch:
            continue
        finally:
            said.close()
    return []


def parse(said: Iterable[bytes], node: int) -> Iterable[Line]:
    """The lines of a stream, each part of which begins with its time; a long line comes in several. Raises TooMuch."""
    found: deque[Line] = deque(maxlen=LINES_MOST)
    read, at, line, is_open = 0, "", b"", False
    for part in said:
        read += len(part)
        if read > READ_MOST:
            raise TooMuch
        stamp = STAMP.match(part)
        text = part[stamp.end() :] if stamp else part
        if not is_open:
            at, line = stamp[1].decode() if stamp else at, b""
        line = (line + text)[:LINE_BYTES_MOST]
        is_open = not part.endswith(b"\n")
        if not is_open:
            found.append(Line(at, node, plain(line)))
    if is_open and line:
        found.append(Line(at, node, plain(line)))
    return found


def plain(line: bytes) -> str:
    """A line as text that a terminal and a page may show. What a carriage return would have overwritten is left out."""
    text = line.decode(errors="replace").rstrip("\r\n").rpartition("\r")[2]
    return ORDERS.sub("", text)
