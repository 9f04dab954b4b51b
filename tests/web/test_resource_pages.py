"""The pages of every kind: its form asks for what it declares, and what is done there is an entry."""

from typing import Any

import pytest

from models.field import Field, Shape
from models.kinds.catalogue import KINDS
from models.kinds.resource import Resource
from models.log.record import PAST
from models.organisation import Organisation
from models.project import Project
from tests.support.kinds import SAMPLES, same
from tests.support.log import summaries
from tests.web.conftest import Visitor

kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.noun)


def address(kind: type[Resource], *more: str) -> str:
    """Where the kind's pages are in Acme's first project."""
    return "/".join(("/orgs/acme/projects/web", kind.plural, *more))


def filled_in(fields: dict[str, Field], values: dict[str, Any]) -> dict[str, Any]:
    """What a browser sends of a form: what was typed, and the rest as it was offered."""
    offered = {name: declared.default for name, declared in fields.items() if declared.default is not None}
    return {name: value for name, value in {**offered, **values}.items() if name in fields}


@pytest.fixture
def page(owner: Visitor, web: Project, kind: type[Resource]) -> str:
    """The address of one that was created through its form."""
    answer = owner.post(address(kind, "new"), **filled_in(kind.fields(), SAMPLES[kind].usual))
    assert answer.status_code == 302, answer.text
    return address(kind, "it")


@kinds
def test_the_form_of_a_new_one_asks_for_every_field(owner: Visitor, web: Project, kind: type[Resource]) -> None:
    shown = owner.get(address(kind, "new")).text

    assert [each.label for each in kind.fields().values() if each.label not in shown] == []


@kinds
def test_it_is_created_saved_and_ended_with_an_entry_each(
    owner: Visitor, acme: Organisation, page: str, kind: type[Resource]
) -> None:
    name = same(kind).name
    may_change = {field: declared for field, declared in kind.fields().items() if not declared.fixed}
    typed = filled_in(may_change, {**SAMPLES[kind].usual, **SAMPLES[kind].changed})
    saved = owner.post(page, version=same(kind).version, **typed)
    ended = owner.post(f"{page}/{kind.end_action}")

    assert (saved.status_code, ended.status_code) == (302, 302)
    done = ("created", "updated", PAST[kind.end_action])
    assert summaries(acme)[5:] == [f"{kind.noun.capitalize()} {name} {each}" for each in done]


@kinds
def test_its_page_says_how_it_ends_and_its_project_and_the_dashboard_count_it(
    owner: Visitor, page: str, kind: type[Resource]
) -> None:
    assert f"{str(kind.end_action).capitalize()} {kind.noun}" in owner.get(page).text
    assert f'href="{page}"' in owner.get(address(kind)).text
    assert f'href="{page}"' in owner.get("/orgs/acme/projects/web").text
    counted = f'href="/orgs/acme/{kind.plural}"><span class="unseen">{kind.plural.capitalize()}: </span>1</a>'
    assert counted in owner.get("/orgs/acme").text
    assert f'href="{page}"' in owner.get(f"/orgs/acme/{kind.plural}").text


@kinds
def test_where_there_is_none_it_says_what_one_would_be(owner: Visitor, web: Project, kind: type[Resource]) -> None:
    assert kind.blurb in owner.get("/orgs/acme/projects/web").text


@kinds
def test_one_kind_is_not_ended_as_another_one_is(owner: Visitor, page: str, kind: type[Resource]) -> None:
    [other] = {each.end_action for each in KINDS} - {kind.end_action}

    assert owner.post(f"{page}/{other}").status_code == 404


def test_what_a_kind_that_is_not_there_would_be_called_is_not_found(owner: Visitor, web: Project) -> None:
    assert owner.get("/orgs/acme/projects/web/unicorns").status_code == 404


def test_a_field_that_refers_offers_what_there_is(owner: Visitor, web: Project) -> None:
    referring = [
        (kind, declared) for kind in KINDS for declared in kind.fields().values() if declared.shape is Shape.REFERENCE
    ]
    for kind, declared in referring:
        [used] = [each for each in KINDS if each.plural == declared.refers_to]
        values = {**SAMPLES[used].usual, "handle": "of-use"}
        assert owner.post(address(used, "new"), **filled_in(used.fields(), values)).status_code == 302
        assert ">of-use</option>" in owner.get(address(kind, "new")).text
