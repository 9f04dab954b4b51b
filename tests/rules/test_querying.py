"""The manual of the query language says what the language is."""

import re

from models.log.keys import KEYS
from models.log.query import parse
from tests.rules.test_docs import ROOT

MANUAL = (ROOT / "docs/querying.md").read_text()


def test_its_table_has_every_key() -> None:
    rows = [f"| `{key.name}:` | {key.about} | {key.takes} | `{key.example}` |" for key in KEYS.values()]

    assert "\n".join(["| key | asks | a value is | example |", "| --- | --- | --- | --- |", *rows]) in MANUAL


def test_it_lists_every_value_of_keys_that_take_one_of_a_list() -> None:
    rows = [
        f"| `{key.name}:` | {', '.join(f'`{value}`' for value in key.allowed())} |"
        for key in KEYS.values()
        if "the list below" in key.takes
    ]

    assert "\n".join(["| key | values |", "| --- | --- |", *rows]) in MANUAL


def test_every_example_is_understood_and_written_canonically() -> None:
    examples = re.findall(r"^\| `([^`]+)` \| [A-Z]", MANUAL, re.MULTILINE)

    assert len(examples) > 5
    assert [str(parse(each)) for each in examples] == examples
