"""How a kind is added (docs/architecture.md), followed to the letter in a copy of the source.

Then the copy's own tests of every kind are run there for the new ones: created, changed and ended through their pages,
ended with their project, charged for, and named by nothing that kinds share.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import sql

from models.migrations import migrate
from tests.support.servers import Servers
from web.cli.local.embedded import Database

ROOT = Path(__file__).resolve().parent.parent.parent
ADDED = Path(__file__).parent / "added"
COPIED = ("models", "worker", "web", "templates", "static", "bench", "tests", "pyproject.toml")
DATABASE = "added_kinds"
# What every kind has to pass, and of the rest what says something of all kinds at once.
TESTS = (
    *("tests/rules/test_kinds.py", "tests/rules/test_fields.py", "tests/rules/test_verbs.py"),
    *("tests/rules/test_schema.py", "tests/models/test_resources.py", "tests/models/test_cascade.py"),
    "tests/web/test_resource_pages.py",
)
SELECTED = (
    "(volume or nats or test_kinds or every_kind or classes_agree or one_entry or entries_say) and not bad_handle"
)
SERVERS_OF_THIS_RUN = """

@pytest.fixture(scope="session")
def servers() -> Servers:
    from web.cli.local.embedded import Database

    return Servers(Database(*{urls!r}), {redis_url!r})
"""


@pytest.fixture
def database(servers: Servers) -> Iterator[Servers]:
    """A database of its own beside the one of this run; its schema knows the kinds there are."""
    name, owner = sql.Identifier(DATABASE), sql.Identifier("activity_log_owner")
    with psycopg.connect(servers.superuser_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, owner))
        urls = (f"{url.rpartition('/')[0]}/{DATABASE}" for url in astuple(servers.database))
        scratch = Servers(Database(*urls), servers.redis_url)
        migrate(scratch.database.owner_url, "activity_log_app")
        yield scratch
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture
def copy(tmp_path: Path, database: Servers) -> Path:
    """The source, to be changed; its tests use the servers of this run."""
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    with (tmp_path / "tests/conftest.py").open("a") as conftest:
        conftest.write(SERVERS_OF_THIS_RUN.format(urls=astuple(database.database), redis_url=database.redis_url))
    return tmp_path


def add(source: Path, noun: str) -> None:
    """Does what the recipe says, line by line."""
    shutil.copy(ADDED / noun / "kind.py", source / f"models/kinds/{noun}.py")
    catalogue = source / "models/kinds/catalogue.py"
    begin, kinds, end = catalogue.read_text().partition("KINDS: tuple[type[Resource], ...] = (")
    assert kinds
    cls = noun.capitalize()
    catalogue.write_text(begin + f"from models.kinds.{noun} import {cls}\n\n" + kinds + f"{cls}, " + end)
    migration = (ADDED / noun / "migration.py").read_text().replace("<head>", head(source))
    (source / f"models/migrations/versions/9999_{noun}.py").write_text(migration)
    shutil.copy(ADDED / noun / "sample.py", source / f"tests/support/kinds/{noun}.py")


def head(source: Path) -> str:
    """The newest migration."""
    config = Config()
    config.set_main_option("script_location", str(source / "models/migrations"))
    found = ScriptDirectory.from_config(config).get_current_head()
    assert found
    return found


def run_tests(source: Path) -> subprocess.CompletedProcess[str]:
    """Runs the tests of the copy that say something of the new kinds."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(  # noqa: S603 (our own tests)
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", SELECTED, *TESTS],
        cwd=source,
        env={**environment, "PYTHONPATH": str(source)},
        capture_output=True,
        text=True,
        check=False,
    )


def recipe() -> str:
    """The part of the documents that is followed here."""
    _, found, after = (ROOT / "docs/architecture.md").read_text().partition("### How a kind is added\n")
    assert found
    return after.partition("\n## ")[0]


def changed(source: Path) -> set[str]:
    """The files of the copy that are new or not what they were."""
    files = (each.relative_to(source) for folder in COPIED for each in (source / folder).rglob("*") if each.is_file())
    return {
        str(each)
        for each in files
        if not (ROOT / each).is_file() or (ROOT / each).read_bytes() != (source / each).read_bytes()
    }


def test_the_recipe_names_every_file_that_a_kind_changes(copy: Path) -> None:
    before = changed(copy)
    add(copy, "volume")
    named = set(re.findall(r"^\d\. `(.+?)`:", recipe(), re.MULTILINE))

    assert changed(copy) - before == {each.replace("<noun>", "volume").replace("<number>", "9999") for each in named}
    assert len(recipe().strip().splitlines()) <= 10


def test_the_recipe_for_a_new_kind_is_complete(copy: Path) -> None:
    for noun in ("volume", "nats"):
        add(copy, noun)
    done = run_tests(copy)

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "skipped" not in done.stdout
