"""Rules for templates: addresses come from routes, icons exist and are used, and a form is sent once."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

from models.kinds.catalogue import KINDS
from tests.rules.test_verbs import CLASSES
from web.icons import DRAWINGS

ROOT = Path(__file__).resolve().parent.parent.parent
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
# What `icon(…)` is asked for where a template does not name it: the log's word for a thing, or how a kind ends.
TRACKED = {each.noun for each in CLASSES.values()}
ENDS = {str(kind.end_action) for kind in KINDS}
# An attribute that holds an address and begins with a slash: `url_for` is not asked.
TYPED = re.compile(r"""\b(href|src|action|formaction|hx-(get|post|put|patch|delete))\s*=\s*["']/""")
FORM = re.compile(r"<form\b(?:[^>{]|\{\{.*?\}\}|\{%.*?%\})*>", re.DOTALL)


def typed_addresses(html: str) -> list[str]:
    """The attributes whose address is written by hand."""
    return [found[0] for found in TYPED.finditer(html)]


def icon_names(of: nodes.Expr) -> Iterator[str]:
    """The icons that `icon(…)` may show: those it names, else every one that its argument can be."""
    match of:
        case nodes.Const():
            yield of.value
        case nodes.CondExpr():
            yield from icon_names(of.expr1)
            yield from icon_names(of.expr2) if of.expr2 else ()
        case nodes.Getattr(attr="end_action"):
            yield from ENDS
        case _:
            yield from TRACKED


def icons_used(source: str) -> set[str]:
    """Every icon that a template may show."""
    calls = Environment(autoescape=True).parse(source).find_all(nodes.Call)
    shown = [call.args[0] for call in calls if isinstance(call.node, nodes.Name) and call.node.name == "icon"]
    return {name for each in shown for name in icon_names(each)}


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: str(file.relative_to(ROOT)))
def test_no_address_is_typed_by_hand(file: Path) -> None:
    assert typed_addresses(file.read_text()) == []


def test_a_typed_address_would_be_found() -> None:
    assert typed_addresses('<a href="/orgs/{{ org }}">')
    assert typed_addresses("<div hx-get='/activity'>")
    assert not typed_addresses('<a href="{{ url_for("orgs.index") }}"><a href="#main">')


def test_every_icon_offered_is_used_and_every_icon_used_is_offered() -> None:
    used = {name for file in TEMPLATES for name in icons_used(file.read_text())}

    assert used == set(DRAWINGS)


def test_icons_are_found_wherever_they_are_named() -> None:
    assert icons_used('{% if x %}{{ icon("plus") }}{% endif %}{{ icon("a" if x == "b" else "c") }}') == {
        "plus",
        "a",
        "c",
    }
    assert icons_used("{{ icon(entry.resource_type) }}") == TRACKED >= {"user", "billing"}


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_form_that_htmx_sends_disables_its_button_meanwhile(file: Path) -> None:
    for form in FORM.findall(file.read_text()):
        assert 'hx-disabled-elt="find button"' in form or 'hx-boost="false"' in form
