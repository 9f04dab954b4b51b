"""The chip of an entry is read from its sentence: every sentence that our code can write has one of its own."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from models.log.actor import Actor
from models.log.record import PAST, Action
from models.organisation import Organisation
from models.people.user import User
from models.project import Project
from models.system.cascade import SWEEPS
from models.transaction import transaction
from tests.rules.test_verbs import VERBS
from tests.support.log import entries
from tests.support.world import World, complete
from web.chips import RULES, Chip, chip_of

ROOT = Path(__file__).resolve().parent.parent.parent
HOLE = "⟨⟩"
# What follows the name in sentences that are put together elsewhere than where `Sentence` is called.
BUILT = {
    *(f" {past}" for past in PAST.values()),
    *(sweep.told for sweep in SWEEPS.values() if sweep.told),
    *(f" {how}" for how in ("revoked", "declined", "expired")),
    *(f": automatic top-up {what}" for what in ("turned on", "turned off", "settings changed")),
}
# Sentences whose words are all in a variable: BUILT, or the calls of the function named.
HIDDEN = {"usual", "end", "set_auto_top_up", "_record_outcome"}


Functions = dict[str, ast.FunctionDef]


def written() -> Iterator[tuple[str, str]]:
    """What our code writes behind the name, as far as its source says it; and the function that does."""
    for file in sorted([*(ROOT / "models").rglob("*.py"), *(ROOT / "worker").rglob("*.py")]):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        functions = {each.name: each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}
        for function in functions.values():
            for call in ast.walk(function):
                if (part := _behind_the_name(call)) is not None:
                    for text in _texts(part, function, functions):
                        yield function.name, text


def _behind_the_name(call: ast.AST) -> ast.expr | None:
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name)):
        return None
    at = {"Sentence": 1, "_record_outcome": 2}.get(call.func.id)
    return call.args[at] if at is not None else None


def _texts(part: ast.expr, function: ast.FunctionDef, functions: Functions) -> Iterator[str]:
    """A string or f-string, a hole for each value in it; also one that has a name or comes from a function."""
    match part:
        case ast.Constant():
            yield str(part.value)
        case ast.JoinedStr():
            yield "".join(str(each.value) if isinstance(each, ast.Constant) else HOLE for each in part.values)
        case ast.Name() if values := _named(part.id, function):
            yield from _texts(values[-1], function, functions)
        case ast.Call(func=ast.Name(id=name)) if name in functions:
            for each in ast.walk(functions[name]):
                if isinstance(each, ast.Return) and each.value and ast.unparse(each.value) not in ("None", "''"):
                    yield from _texts(each.value, functions[name], functions)
        case _:
            yield HOLE


def _named(name: str, function: ast.FunctionDef) -> list[ast.expr]:
    """What a function has given this name to."""
    return [each.value for each in ast.walk(function) if isinstance(each, ast.Assign) and _is(each.targets[0], name)]


def _is(target: ast.expr, name: str) -> bool:
    return isinstance(target, ast.Name) and target.id == name


WRITTEN = sorted({text for function, text in written() if function not in HIDDEN} | BUILT)


def taught(after: str) -> bool:
    """Whether a rule knows what follows the name."""
    return any(begins.match(after.replace(HOLE, hole)) for begins, _ in RULES for hole in ("word", ""))


@pytest.mark.parametrize("after", WRITTEN)
def test_every_sentence_that_our_code_writes_has_a_chip_of_its_own(after: str) -> None:
    assert taught(after)


def test_a_sentence_that_nobody_taught_us_would_be_found() -> None:
    assert not taught(" frobnicated by someone")
    assert len(WRITTEN) > 20


def test_only_those_we_know_put_a_sentence_together_out_of_sight() -> None:
    assert {function for function, text in written() if text.replace(HOLE, "").strip(" :") == ""} <= HIDDEN


@pytest.fixture
def world(acme: Organisation, web: Project, ada: Actor, people: dict[str, User]) -> World:
    """One of everything."""
    return complete(acme, web, ada, people)


@pytest.mark.parametrize("verb", VERBS)
def test_the_entry_of_each_verb_gets_its_chip_from_its_sentence(world: World, verb: str) -> None:
    call, _ = VERBS[verb]
    with transaction():
        call(world)
    entry: Any = entries(world.acme)[-1]

    behind = entry.summary.partition(entry.resource_name)[2]
    assert taught(behind)
    assert chip_of(entry.summary, entry.resource_type, entry.resource_name, entry.action).word


@pytest.mark.parametrize(
    ("noun", "name", "behind", "action", "chip"),
    [
        ("container", "api", " updated", "update", ("Updated", "update")),
        ("container", "api", " deployed nginx:1.28", "update", ("Deployed", "well")),
        ("container", "api", " failed to deploy: no such image", "update", ("Failed", "failed")),
        ("container", "api", " suspended", "update", ("Suspended", "held")),
        ("organisation", "Acme", " suspended by an operator: unpaid", "update", ("Suspended", "held")),
        ("organisation", "Acme", " resumed: its balance was topped up", "update", ("Resumed", "well")),
        ("user", "Vera", "'s role changed from viewer to member", "update", ("Role changed", "update")),
        ("user", "Vera", " added as member, invited by Ada", "create", ("Added", "create")),
        ("user", "Vera", " removed", "delete", ("Removed", "delete")),
        ("secret", "db", " deleted", "delete", ("Deleted", "delete")),
        ("memcached", "cache", " terminated", "terminate", ("Terminated", "terminate")),
    ],
)
def test_a_chip_says_what_happened(noun: str, name: str, behind: str, action: str, chip: tuple[str, str]) -> None:
    assert chip_of(f"{noun.capitalize()} {name}{behind}", noun, name, action) == chip


def test_an_invitation_and_a_card_are_declined_in_different_tones() -> None:
    invitation = chip_of("Invitation of a@b.example declined", "invitation", "a@b.example", "delete")
    card = chip_of("Payment method Visa declined €5.00: expired", "billing", "Visa", "update")

    assert (invitation.word, card.word) == ("Declined", "Declined")
    assert (invitation.tone, card.tone) == ("delete", "failed")
    assert (invitation.icon, card.icon) == (None, "warning")


def test_a_name_that_reads_like_an_outcome_changes_no_chip() -> None:
    name = "x failed to deploy: everything"

    assert chip_of(f"Container {name} deployed nginx:1.28", "container", name, "update") == Chip("Deployed", "well")
    assert (
        chip_of("Payment method failed to deploy: x added", "billing", "failed to deploy: x", "create").word == "Added"
    )


@pytest.mark.parametrize("action", Action)
def test_a_sentence_of_another_version_gets_the_chip_of_its_action(action: Action) -> None:
    assert chip_of("Container api reticulated", "container", "api", action) == (PAST[action].capitalize(), action)


def test_every_tone_is_styled_and_no_other() -> None:
    styled = re.findall(r"\.action-([a-z]+)", (ROOT / "static" / "css" / "chips.css").read_text(encoding="utf-8"))

    assert set(styled) == {chip.tone for _, chip in RULES} | set(Action)
