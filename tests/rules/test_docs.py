"""The documents say what is so: the files they name exist, and no setting, command or layer is missing from them."""

import dataclasses
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from models.settings import Settings
from web.cli import main

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDERS = ("models", "web", "worker", "templates", "static", "tests", "bench", "docs")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
README_LINES_MOST = 120
# A path that is told, wherever it is: in a document, a comment or a sentence for people.
TOLD = re.compile(rf"(?<![\w./-])(?:{'|'.join(FOLDERS)})/[\w/.-]*[\w/]")
WRITTEN = re.compile(r"[\w-]+(?:/[\w-]+)*\.md\b")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)")
CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
# PORT: the image always listens on 8000, and PUBLISH says where the host does. DEMO: `up` alone reads it.
NOT_IN_COMPOSE = {"PORT", "DEMO"}
# What compose and the image say themselves: where servers are, made of the passwords, and what is inside of containers.
NOT_IN_EXAMPLE = {
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "REDIS_URL",
    "HOST",
    "DATA_DIR",
    "ALIVE_FILE",
    "SEAL_FILE",
    "ERASURES_FILE",
    *NOT_IN_COMPOSE,
}


def texts() -> Iterator[Path]:
    """Every file of ours that a person reads."""
    yield from DOCUMENTS
    for name in ("Makefile", "Dockerfile", "docker-compose.yml", ".env.example", "pyproject.toml"):
        yield ROOT / name
    for folder in FOLDERS:
        for suffix in ("py", "sql", "html", "css", "js"):
            yield from sorted((ROOT / folder).rglob(f"*.{suffix}"))


def commands(group: click.Group, before: str = "") -> Iterator[str]:
    """The full names of a group's commands."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}"


def operations() -> str:
    """The document for operators."""
    return (ROOT / "docs/operations.md").read_text()


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= README_LINES_MOST


@pytest.mark.parametrize("document", [str(each.relative_to(ROOT)) for each in DOCUMENTS])
def test_every_link_leads_somewhere(document: str) -> None:
    file = ROOT / document
    broken = [link for link in LINK.findall(file.read_text()) if not (file.parent / link).exists()]

    assert broken == []


def test_every_path_that_is_named_exists() -> None:
    named = {(str(file.relative_to(ROOT)), path) for file in texts() for path in TOLD.findall(file.read_text())}
    missing = sorted((where, path) for where, path in named if "." in path.rsplit("/", 1)[-1] or path.endswith("/"))

    assert named
    assert [each for each in missing if not (ROOT / each[1]).exists()] == []


def test_every_module_that_a_document_names_exists() -> None:
    names = {file.name for file in texts()}
    spans = [(file.name, span) for file in DOCUMENTS for span in CODE.findall(file.read_text())]
    named = [each for each in spans if re.fullmatch(r"\w+\.(py|html|css|js|sql)", each[1])]

    assert named
    assert [each for each in named if each[1] not in names] == []


def test_no_document_is_named_that_is_not_here() -> None:
    here = {str(each.relative_to(ROOT)) for each in DOCUMENTS} | {each.name for each in DOCUMENTS}
    named = {(str(file.relative_to(ROOT)), name) for file in texts() for name in WRITTEN.findall(file.read_text())}

    assert sorted(each for each in named if each[1] not in here) == []


def test_every_setting_is_explained() -> None:
    table = [line.split("|")[1] for line in operations().splitlines() if line.startswith("| `")]
    explained = {name for cell in table for name in CODE.findall(cell)}

    assert {field.name.upper() for field in dataclasses.fields(Settings)} - explained == set()


def test_every_setting_can_be_given_to_compose() -> None:
    given = (ROOT / "docker-compose.yml").read_text() + (ROOT / "Dockerfile").read_text()
    settings = {field.name.upper() for field in dataclasses.fields(Settings)} - NOT_IN_COMPOSE

    assert {name for name in settings if not re.search(rf"\b{name}[:=]", given)} == set()


def test_the_example_has_what_compose_asks_for() -> None:
    asked = set(re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text()))

    assert asked == offered()


def test_the_example_has_every_setting() -> None:
    settings = {field.name.upper() for field in dataclasses.fields(Settings)}

    assert offered() & settings == settings - NOT_IN_EXAMPLE


def offered() -> set[str]:
    """The variables of the example."""
    return set(re.findall(r"^(?:# )?(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


def test_every_command_is_explained() -> None:
    explained = set(CODE.findall(operations()))

    assert set(commands(main)) - explained == set()


def test_the_layers_are_those_that_are_checked() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [checked] = [each["layers"] for each in contracts if each.get("containers") == ["models"]]

    assert "\n".join(checked) in (ROOT / "docs/architecture.md").read_text()


def test_every_word_has_one_meaning() -> None:
    words = re.findall(r"^\| \*\*(.+?)\*\* \| (.+) \|$", (ROOT / "docs/glossary.md").read_text(), re.MULTILINE)
    counted = Counter(word.lower() for word, _ in words)

    assert len(words) > 50
    assert [word for word, count in counted.items() if count > 1] == []
    assert [word for word, meaning in words if not re.fullmatch(r"[A-Z`*“].*[^.]\.", meaning)] == []
    assert [word for word, meaning in words if re.search(r"\. [A-Z]", meaning)] == []
