"""Rules that a reader could break without noticing, looked for in the source itself."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PRODUCT = ("models", "web", "worker")


def sources(*folders: str, pattern: str = "*.py") -> Iterator[Path]:
    """The files of some folders."""
    for folder in folders:
        yield from sorted((ROOT / folder).rglob(pattern))


def having(wanted: str, files: Iterator[Path]) -> set[str]:
    """Which files have a match, by their path."""
    found = re.compile(wanted, re.IGNORECASE)
    return {str(each.relative_to(ROOT)) for each in files if found.search(each.read_text())}


def imports(file: Path) -> set[str]:
    """Everything a module imports, as `module` and `module.name`, wherever in the file it does."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or "", *(f"{node.module}.{each.name}" for each in node.names)}
    return found


def test_only_transaction_commits() -> None:
    assert having(r"\.commit\(|[\"']\s*COMMIT\b", sources(*PRODUCT)) == {"models/transaction.py"}


def test_only_activity_writes_entries() -> None:
    # In bench/ a whole past is made up at once; test_guards.py shows that PostgreSQL refuses forged entries, and
    # test_owed.py which it asks for, before.py writes as the version before did, test_leaf.py and attacks.py what no
    # verb would, and test_sealing.py many at once.
    tests = {
        "tests/models/test_guards.py",
        "tests/models/test_owed.py",
        "tests/models/test_sealing.py",
        "tests/models/proof/test_leaf.py",
        "tests/support/attacks.py",
        "tests/support/before.py",
        "tests/rules/test_source.py",
    }
    inserted = having(r"INSERT\s+INTO\s+(public\.)?\"?activity_(entries|runs)\"?\s*\(", sources(*PRODUCT, "tests"))
    called = having(r"SELECT\s+write_entries\(", sources(*PRODUCT, "tests"))

    assert inserted - tests == set()
    assert called - tests == {"models/log/record.py"}


def test_only_feed_reads_entries() -> None:
    assert having(r"FROM\s+(public\.)?activity_entries", sources(*PRODUCT)) == {
        "models/log/feed.py",
        "models/log/entry.py",
        "models/log/history.py",
        "models/log/personal.py",
        "models/log/personal_search.py",
        "models/log/search_text.py",
        "models/log/offers.py",  # who is in it and what about, to choose from
        "models/log/conditions.py",  # which invitations of an address there are
        "models/log/seal.py",  # since when the first one waits to be sealed
        "models/log/leaves.py",  # to seal them and to look whether they are still what was sealed
        "models/log/people.py",  # what an address was called in
        "models/log/boundary.py",  # times by number, and nothing of what entries say
        # Verifying reads all there is, to compare it.
        "models/system/derived.py",
        "models/system/verification.py",
        "models/log/bundles.py",  # who is spoken of in what is taken along
    }


def test_an_organisation_s_state_is_changed_in_one_place() -> None:
    assert having(r"UPDATE\s+organisations\b", sources(*PRODUCT)) == {"models/hold.py"}
    assert having(r"\b(self|organisation)\.state\s*=[^=]", sources("web", "worker")) == set()
    assert "self.state =" not in (ROOT / "models" / "organisation.py").read_text()


def test_digits_are_read_in_one_place() -> None:
    assert having(r"\.is(decimal|digit|numeric)\(|type=int\b", sources(*PRODUCT)) == {
        "models/numbers.py",
        "models/log/proof/note.py",  # which imports nothing of ours
    }


def functions(*folders: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    """The functions and methods of some folders, each with its file's path."""
    for file in sources(*folders):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef):
                yield str(file.relative_to(ROOT)), node


def test_what_is_called_find_finds_or_raises_not_found() -> None:
    found = {
        f"{file}:{each.name}": each
        for file, each in functions("models")
        if each.name == "find" or each.name.startswith("find_")
    }

    assert found
    assert [name for name, each in found.items() if "Raises NotFound" not in (ast.get_docstring(each) or "")] == []
    assert [name for name, each in found.items() if "None" in ast.unparse(each.returns or ast.Constant(None))] == []


def test_nothing_skips_rows_by_offset() -> None:
    assert having(r"\bOFFSET\b|\.offset\(", sources(*PRODUCT)) == set()


@pytest.mark.parametrize(
    "inline",
    [
        r"\sstyle\s*=",
        r"<style\b",
        r"<script(?![^>]*\bsrc=)[^>]*>",
        r"<script[^>]*>\s*[^<\s]",
        r"\son[a-z]+\s*=\s*[\"']",
        r"javascript:",
        r"hx-on\b",
        r"\|\s*safe\b",
    ],
)
def test_templates_hold_nothing_inline_and_escape_everything(inline: str) -> None:
    files = list(sources("templates", pattern="*.html"))

    assert files
    assert having(inline, iter(files)) == set()


def test_templates_load_nothing_from_elsewhere() -> None:
    assert having(r"(src|href)\s*=\s*[\"'](https?:)?//", sources("templates", pattern="*.html")) == set()


@pytest.mark.parametrize("file", [str(each.relative_to(ROOT)) for each in sources("models")])
def test_models_know_nothing_of_requests_or_celery(file: str) -> None:
    found = imports(ROOT / file)
    wanted = {"flask.request", "flask.g", "flask.current_app", "flask.session", "flask.abort"}

    assert not found & wanted
    assert not {each.partition(".")[0] for each in found} & {"celery", "kombu", "redis", "web", "worker"}


@pytest.mark.parametrize("file", [str(each.relative_to(ROOT)) for each in sources("bench", *PRODUCT)])
def test_only_tests_import_tests(file: str) -> None:
    assert not {each for each in imports(ROOT / file) if each.partition(".")[0] == "tests"}


def private_names(file: Path) -> set[str]:
    """What a file takes of others whose name begins with an underscore, as an attribute, by import or to patch it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) not in ("self", "cls"):
            found.add(node.attr)
        elif isinstance(node, ast.ImportFrom):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("setattr", "getattr")):
            named = [each.value for each in node.args if isinstance(each, ast.Constant)]
            found |= {str(each).rpartition(".")[2] for each in named}
    return {each for each in found if each.startswith("_") and not each.startswith("__")} - OF_NAMED_TUPLES


OF_NAMED_TUPLES = {"_asdict", "_fields", "_mapping", "_replace"}


@pytest.mark.parametrize("file", [str(each.relative_to(ROOT)) for each in sources("bench", "tests")])
def test_nothing_private_is_called_from_outside(file: str) -> None:
    assert private_names(ROOT / file) == set()


def test_no_debugging_is_left() -> None:
    assert having(r"\bbreakpoint\(|\bpdb\b|^\s*print\(", sources(*PRODUCT)) == set()
