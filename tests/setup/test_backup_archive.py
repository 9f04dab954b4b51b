"""What is no backup, or not all of one, is refused in one sentence, before any server is asked."""

import json
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import click
import pytest

from web.cli.saved import archive
from web.cli.saved.contents import Contents, Role


def written(file: Path, parts: dict[str, str], compression: int = ZIP_STORED) -> Path:
    """A zip of these parts."""
    with ZipFile(file, "w", compression) as made:
        for name, content in parts.items():
            made.writestr(name, content)
    return file


WRONG: list[dict[str, object]] = [
    {"server": "new"},
    {"program": None},
    {"keys": []},
    {"keys": {"k1": 1}},
    {"keys": None},
    {"owner": "owner"},
    {"owner": ["owner"]},
    {"app": ["app", "lock_timeout=10s"]},
    {"app": ["app", [1]]},
    {"logs": {}},
    {"logs": [[1, "acme"]]},
    {"logs": [[1, "acme", "4"]]},
    {"logs": [{"handle": "acme"}]},
    {"installation": None},
    {"version": 1},
    {"made_at": ["now"]},
    {"schema": 9},
    {"format": 2, "version": ["2.0"]},
    {"unheard": "of"},
]
SAID = Contents("", "1", "", 18, 18, "", Role("owner", []), Role("app", []), {}, []).to_json()


@pytest.mark.parametrize(
    "said",
    [SAID, "[" * 100_000, "[]", "{}", "null", *(json.dumps(json.loads(SAID) | each) for each in WRONG)],
    ids=["without a dump", "deep", "a list", "empty", "nothing", *map(str, WRONG)],
)
def test_what_is_no_backup_is_refused_in_one_sentence(tmp_path: Path, said: str) -> None:
    parts = {"contents.json": said} | ({} if said == SAID else {"database.dump": ""})

    with pytest.raises(click.ClickException, match="is not a backup, or not all of one"):
        archive.read_contents(written(tmp_path / "file", parts))


@pytest.mark.parametrize(("flags", "method"), [(1, 0), (0, 99)], ids=["sealed", "packed otherwise"])
def test_a_zip_that_cannot_be_opened_is_refused_in_one_sentence(tmp_path: Path, flags: int, method: int) -> None:
    file = written(tmp_path / "file", {"contents.json": SAID})
    content = bytearray(file.read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.index(mark) + place
        content[at : at + 4] = bytes([flags, 0, method, 0])
    file.write_bytes(content)

    with pytest.raises(click.ClickException, match="is not a backup, or not all of one"):
        archive.read_contents(file)


def test_a_packed_backup_with_a_changed_byte_is_refused_in_one_sentence(tmp_path: Path) -> None:
    file = written(tmp_path / "file", {"contents.json": SAID, "database.dump": ""}, ZIP_DEFLATED)
    content = bytearray(file.read_bytes())
    content[60:80] = b"\xff" * 20
    file.write_bytes(content)

    with pytest.raises(click.ClickException, match="is not a backup, or not all of one"):
        archive.read_contents(file)


def test_a_backup_in_a_format_to_come_names_the_version_that_reads_it(tmp_path: Path) -> None:
    said = json.dumps(json.loads(SAID) | {"format": 2, "version": "2.0", "unheard": "of"})

    with pytest.raises(click.ClickException, match=r"made by a newer version \(2\.0\)"):
        archive.read_contents(written(tmp_path / "file", {"contents.json": said}))
