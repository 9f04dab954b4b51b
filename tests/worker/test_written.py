"""What an engine gives of a container's output becomes lines that a page and a terminal may show."""

import pytest

from models.jobs.output import LINES_MOST
from worker.engine.written import LINE_BYTES_MOST, READ_MOST, TooMuch, parse, plain

AT = b"2026-11-26T19:00:00.123456789Z"


def texts(*parts: bytes) -> list[str]:
    """The lines that these parts make."""
    return [each.text for each in parse(parts, 1)]


def test_each_line_has_its_time_and_its_node() -> None:
    [line] = parse([AT + b" ready\n"], 2)

    assert line == (AT.decode(), 2, "ready")


def test_a_long_line_comes_in_parts_and_is_one_again() -> None:
    assert texts(AT + b" begin ", AT + b" middle ", AT + b" end\n", AT + b" next\n") == ["begin middle end", "next"]
    assert texts(AT + b" no end") == ["no end"]
    assert len(texts(*[AT + b" " + b"x" * 16_000] * 9)[0]) == LINE_BYTES_MOST


def test_only_the_last_lines_are_kept_and_no_more_is_read_than_is_bearable() -> None:
    many = texts(*[AT + b" %d\n" % each for each in range(LINES_MOST + 5)])
    assert (len(many), many[0], many[-1]) == (LINES_MOST, "5", str(LINES_MOST + 4))
    with pytest.raises(TooMuch):
        texts(*[AT + b" " + b"x" * 16_000] * (READ_MOST // 16_000 + 1))


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (b"\x1b[31mred\x1b[0m", "red"),
        (b"\x1b]0;title\x07text", "text"),
        (b"\x1b]8;;http://x\x1b\\link", "link"),
        (b"10 %\r50 %\r100 %\r\n", "100 %"),
        (b"\tindented\n", "\tindented"),
        (b"bell\x07 null\x00", "bell null"),
        (b"caf\xc3\xa9 \xff", "café �"),
        (b"\xc2\x9b31mred", "31mred"),
        (b"", ""),
    ],
)
def test_orders_to_a_terminal_are_left_out(written: bytes, shown: str) -> None:
    assert plain(written) == shown
