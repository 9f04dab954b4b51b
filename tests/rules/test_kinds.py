"""A kind is one file: what kinds share names none of them. Where it does so all the same, the reason is listed."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from models.kinds.catalogue import KINDS

ROOT = Path(__file__).resolve().parent.parent.parent
SHARED = ("models", "worker", "web", "templates", "static")
NAMES = re.compile(
    rf"(?<![a-z])(?:{'|'.join(sorted({each for kind in KINDS for each in (kind.noun, kind.plural)}))})", re.IGNORECASE
)
# Folders and files that may name kinds, and why.
ALLOWED = {
    "models/kinds/": "the kinds themselves",
    "models/migrations/versions/": "what the tables were when each migration was written stays written",
    "models/demo.py": "fills a project with one of each",
    "worker/engine/": "Docker's own containers, of which a kind may need several or none, and their images",
    "web/cli/engine.py": "Docker's own containers",
    "web/cli/local/notice.py": "Docker's own containers",
    "web/cli/local/embedded.py": "passwords of the servers that `make run` starts",
}
# Words that mean something else, wherever they stand.
MEANT_OTHERWISE = {
    r"container engines?\b": "what runs them, whatever the kind",
    r"container platform\b": "what this is",
    r"\bin a container\b": "where the program itself may be running",
    r"\bengine's containers?\b": "Docker's own, of which a kind may need several or none",
    r"\b(?:import|from) secrets\b|\bsecrets\.token_\w+": "the module of the standard library",
    r"\bsecrets\.json\b": "the file with the passwords of what `make run` starts",
    r"\bsecret_key\b": "what signs sessions",
    r"\b(?:passwords?|password field) (?:and|or) (?:a )?secrets?\b": "whatever a form never shows again",
    r"\bShape\.SECRET\b|\bSECRET = \"secret\"": "a kind of input",
    r"\bsession\.registry\b": "SQLAlchemy's, of sessions",
    r"^CACHE = \"Memcached\"$": "the price list's and the ledger's word for memory that caches",
}


Line = tuple[str, str]
"""A file, and a line of it."""


@pytest.fixture(scope="module")
def found() -> list[Line]:
    """The lines of shared code that contain the name of a kind, whatever they mean by it."""
    files = [each for folder in SHARED for each in (ROOT / folder).rglob("*") if each.is_file()]
    return [
        (str(file.relative_to(ROOT)), line)
        for file in sorted(files)
        if file.suffix != ".pyc"
        for line in file.read_text(encoding="utf-8").splitlines()
        if NAMES.search(line)
    ]


def meant(found: Iterable[Line], otherwise: Iterable[str]) -> list[Line]:
    """Those that mean a kind, because some other word for it is left when these words are taken away."""
    other = re.compile("|".join(otherwise), re.IGNORECASE)
    return [(file, line.strip()) for file, line in found if NAMES.search(other.sub("", line))]


def test_shared_code_names_no_kind(found: list[Line]) -> None:
    assert [each for each in meant(found, MEANT_OTHERWISE) if not each[0].startswith(tuple(ALLOWED))] == []


@pytest.mark.parametrize("place", ALLOWED)
def test_no_place_is_allowed_to_name_kinds_in_vain(found: list[Line], place: str) -> None:
    assert [each for each in meant(found, MEANT_OTHERWISE) if each[0].startswith(place)]


@pytest.mark.parametrize("word", MEANT_OTHERWISE)
def test_no_word_is_meant_otherwise_in_vain(found: list[Line], word: str) -> None:
    others = [each for each in MEANT_OTHERWISE if each != word]

    assert meant(found, others) != meant(found, MEANT_OTHERWISE)


def test_a_kind_that_shared_code_names_is_found() -> None:
    assert NAMES.search(f"if kind is {KINDS[0].__name__}:")
    assert all(NAMES.search(f"counts.{kind.noun} {kind.plural}_of") for kind in KINDS)
    assert not NAMES.search("subcontainers")
