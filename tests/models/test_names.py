"""Names: what looks empty or like "system" is refused, and a rename is told wherever the person belongs."""

import pytest

from models.errors import Invalid
from models.field import Field
from models.log.actor import Actor
from models.organisation import Organisation, create_organisation
from models.people.identity import rename
from models.people.user import User, checked_name
from models.transaction import transaction
from tests.support.log import latest_entry, summaries


@pytest.mark.parametrize("name", ["erased person 7f3a", "Erased  Person", "\u200berased\u00a0person x"])
def test_nobody_passes_for_someone_who_was_erased(name: str) -> None:
    with pytest.raises(Invalid, match="whose name was erased"):
        checked_name(name)
    assert checked_name("Person, erased") == "Person, erased"


@pytest.mark.parametrize(
    "name",
    [
        "ѕуѕtеm",
        "SYSTEM",
        "Sуstem",
        "sys\u200btem",
        "sys\u3164tem",
        "sуѕтем",
        "systern",
        "ѕyѕτεм",
        "ｓｙｓｔｅｍ",
    ],
)
def test_no_name_reads_as_what_the_log_calls_the_platform(name: str) -> None:
    with pytest.raises(Invalid, match="what the log calls the platform itself"):
        checked_name(name)


@pytest.mark.parametrize("name", ["\u3164", "\u2800\u2800", "\u115f", "\u034f", "\ufe0f", "\u200b", "\U000e0101"])
@pytest.mark.parametrize("check", [checked_name, Field("Name", most=77).check])
def test_a_name_that_looks_empty_is_none(name: str, check: object) -> None:
    with pytest.raises(Invalid, match="Enter a name"):
        check(name)  # type: ignore[operator]


@pytest.mark.parametrize("name", ["Ada\u200d Lovelace", "Ada\u3164Lovelace", "my\u00adapi", "А\u200bда", "\u200dAda"])
def test_nothing_invisible_tells_two_names_apart(name: str) -> None:
    with pytest.raises(Invalid, match="nobody sees"):
        Field("Name", most=77).check(name)


@pytest.mark.parametrize(
    "name", ["Systema", "Юлия Системова", "علی\u200cرضا", "👩\u200d💻 Ada", "❤\ufe0f", "한글", "Ystem"]
)
def test_names_of_any_script_are_fine(name: str) -> None:
    assert checked_name(name) == name


def test_a_rename_is_an_entry_in_every_organisation_of_the_person(
    acme: Organisation, people: dict[str, User], ada: Actor
) -> None:
    with transaction():
        globex = create_organisation(people["ada"], ada, name="Globex", handle="globex", email="a@globex.example.com")
    old = people["ada"].name
    with transaction():
        rename(people["ada"], Actor(ada.id, old, None, ada.door), "Ada King")

    for organisation in (acme, globex):
        assert summaries(organisation)[-1] == f"User {old} renamed to Ada King"
        assert latest_entry(organisation).actor_role == "owner"


def test_keeping_the_name_is_no_entry(acme: Organisation, people: dict[str, User], ada: Actor) -> None:
    before = summaries(acme)
    with transaction():
        rename(people["ada"], ada, people["ada"].name)

    assert summaries(acme) == before
