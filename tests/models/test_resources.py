"""Every kind: created, updated, ended - what an entry says of it, and what is refused."""

from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import text

from models.billing import usage
from models.billing.usage import Usage
from models.database import db
from models.errors import AlreadyEnded, HandleTaken, Invalid, NotFound, StaleVersion
from models.field import Shape
from models.kinds.catalogue import KINDS, RUNNING
from models.kinds.resource import Resource
from models.kinds.running import Running
from models.log.actor import Actor
from models.log.record import PAST
from models.organisation import Organisation, by_handle
from models.project import Project
from models.transaction import transaction
from tests.support.deployments import deployed
from tests.support.kinds import SAMPLES, create, same
from tests.support.log import entries, latest_entry
from tests.support.together import meanwhile, together

kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.noun)


@kinds
def test_creating_is_one_entry_about_it_in_its_project(
    acme: Organisation, web: Project, ada: Actor, kind: type[Resource]
) -> None:
    resource = create(web, ada, kind)

    assert len(entries(acme)) == 6
    entry = latest_entry(acme)
    assert (entry.action, entry.resource_type, entry.resource_id) == ("create", kind.noun, resource.id)
    assert (entry.project_id, entry.project_name, entry.actor_id) == (web.id, "Web", ada.id)
    assert entry.summary == f"{kind.noun.capitalize()} {resource.name} created"


@kinds
def test_creating_tells_every_value_but_the_sealed_ones(
    acme: Organisation, web: Project, ada: Actor, kind: type[Resource]
) -> None:
    resource = create(web, ada, kind)

    told = latest_entry(acme).changes
    assert not told.keys() & set(kind.sealed())
    assert told == {
        name: [None, getattr(resource, name)]
        for name in kind.fields()
        if name not in kind.sealed() and getattr(resource, name) not in (None, "", [])
    }


@kinds
def test_an_update_says_what_changed_and_of_the_sealed_only_that(
    acme: Organisation, web: Project, ada: Actor, kind: type[Resource]
) -> None:
    resource = create(web, ada, kind)
    with transaction():
        resource.update(ada, resource.version, **SAMPLES[kind].changed)

    entry = latest_entry(acme)
    assert (entry.action, entry.changes) == ("update", SAMPLES[kind].told)
    assert entry.summary == f"{kind.noun.capitalize()} {resource.name} updated"


@kinds
def test_an_update_that_changes_nothing_writes_nothing(
    acme: Organisation, web: Project, ada: Actor, kind: type[Resource]
) -> None:
    resource = create(web, ada, kind)
    version = resource.version
    values = {name: value for name, value in SAMPLES[kind].usual.items() if name != "handle"}
    with transaction():
        resource.update(ada, version, **values)

    assert len(entries(acme)) == 6
    assert resource.version == version


@kinds
def test_an_update_of_an_older_state_is_stale(
    acme: Organisation, web: Project, ada: Actor, kind: type[Resource]
) -> None:
    resource = create(web, ada, kind)
    seen = resource.version
    with transaction():
        resource.update(ada, seen, **SAMPLES[kind].changed)
    with pytest.raises(StaleVersion), transaction():
        resource.update(ada, seen, **SAMPLES[kind].usual)

    assert len(entries(acme)) == 7


@kinds
def test_of_two_updates_at_once_one_is_stale(
    app: Flask, acme: Organisation, web: Project, ada: Actor, kind: type[Resource]
) -> None:
    seen = create(web, ada, kind).version
    outcomes = together(
        app,
        lambda: same(kind).update(ada, seen, **SAMPLES[kind].changed),
        lambda: same(kind).update(ada, seen, **SAMPLES[kind].other),
    )

    assert sorted(type(each).__name__ for each in outcomes) == ["NoneType", "StaleVersion"]
    assert len(entries(acme)) == 7


@kinds
def test_ending_is_one_entry(acme: Organisation, web: Project, ada: Actor, kind: type[Resource]) -> None:
    resource = create(web, ada, kind)
    with transaction():
        resource.end(ada)

    entry = latest_entry(acme)
    assert (entry.action, entry.changes) == (kind.end_action, None)
    assert entry.summary == f"{kind.noun.capitalize()} {resource.name} {PAST[kind.end_action]}"
    assert (resource.state, resource.ended_at is None) == (PAST[kind.end_action], False)


@kinds
def test_it_ends_once(acme: Organisation, web: Project, ada: Actor, kind: type[Resource]) -> None:
    resource = create(web, ada, kind)
    with transaction():
        resource.end(ada)
    with pytest.raises(AlreadyEnded), transaction():
        resource.end(ada)
    with pytest.raises(AlreadyEnded), transaction():
        resource.update(ada, resource.version, **SAMPLES[kind].changed)

    assert len(entries(acme)) == 7


@kinds
def test_two_who_end_it_at_once_leave_one_entry(
    app: Flask, acme: Organisation, web: Project, ada: Actor, grace: Actor, kind: type[Resource]
) -> None:
    create(web, ada, kind)
    outcomes = together(app, lambda: same(kind).end(ada), lambda: same(kind).end(grace))

    assert sum(each is None for each in outcomes) == 1
    assert [type(each) for each in outcomes if each is not None] in ([StaleVersion], [AlreadyEnded])
    assert len(entries(acme)) == 7


@kinds
def test_an_update_beside_an_ending_is_refused(
    app: Flask,
    acme: Organisation,
    web: Project,
    ada: Actor,
    superuser: psycopg.Connection,
    kind: type[Resource],
) -> None:
    resource = create(web, ada, kind)
    seen = resource.version
    with transaction():
        resource.end(ada)
        db.session.flush()
        update = meanwhile(app, superuser, lambda: same(kind).update(ada, seen, **SAMPLES[kind].changed))

    assert isinstance(update.outcome, StaleVersion)
    assert len(entries(acme)) == 7


@kinds
def test_its_handle_is_free_again_after_its_end(
    acme: Organisation, web: Project, ada: Actor, kind: type[Resource]
) -> None:
    first = create(web, ada, kind)
    with transaction():
        first.end(ada)
    second = create(web, ada, kind)

    assert second.id != first.id
    assert web.find(kind, "it") is second


@kinds
def test_an_ended_one_is_found_as_long_as_nobody_else_bears_its_handle(
    web: Project, ada: Actor, kind: type[Resource]
) -> None:
    for _ in range(2):
        latest = create(web, ada, kind)
        with transaction():
            latest.end(ada)

    assert web.find(kind, "it") is latest


@kinds
def test_a_taken_handle_is_refused(acme: Organisation, web: Project, ada: Actor, kind: type[Resource]) -> None:
    create(web, ada, kind)
    with pytest.raises(HandleTaken, match="it"):
        create(web, ada, kind)

    assert len(entries(acme)) == 6


@kinds
def test_two_of_the_same_handle_at_once_leave_one(
    app: Flask, acme: Organisation, web: Project, ada: Actor, kind: type[Resource]
) -> None:
    def make() -> None:
        organisation = by_handle("acme")
        assert organisation
        organisation.find_project("web").create(ada, kind, **SAMPLES[kind].usual)

    outcomes = together(app, make, make)

    assert sorted(type(each).__name__ for each in outcomes) == ["HandleTaken", "NoneType"]
    assert len(entries(acme)) == 6


@kinds
def test_projects_do_not_share_handles(acme: Organisation, web: Project, ada: Actor, kind: type[Resource]) -> None:
    with transaction():
        other = acme.create_project(ada, name="Other", handle="other")
    create(web, ada, kind)

    with pytest.raises(NotFound):
        other.find(kind, "it")
    assert create(other, ada, kind).project_id == other.id


@kinds
@pytest.mark.parametrize("handle", ["", "new", "It", "a b", "a_b", "-it", "it-", "ü", "h" * 52, "a\nb", "a\x00b"])
def test_a_bad_handle_is_refused(app: Flask, kind: type[Resource], handle: str) -> None:
    with pytest.raises(Invalid) as refused:
        kind(organisation_id=1, project_id=1).fill({**SAMPLES[kind].usual, "handle": handle})

    assert refused.value.field == "handle"


@kinds
def test_the_handle_is_permanent(web: Project, ada: Actor, kind: type[Resource]) -> None:
    resource = create(web, ada, kind)
    with pytest.raises(Invalid, match="permanent"), transaction():
        resource.update(ada, resource.version, handle="other")


HIDDEN = [(kind, name) for kind in KINDS for name, declared in kind.fields().items() if declared.shape is Shape.SECRET]
TAKEN = [
    (kind, field, value) for kind, each in SAMPLES.items() for field, values in each.taken.items() for value in values
]
REFUSED = [
    (kind, field, value) for kind, each in SAMPLES.items() for field, values in each.refused.items() for value in values
]


@pytest.mark.parametrize(("kind", "field", "value"), TAKEN)
def test_what_is_within_bounds_is_taken(
    app: Flask,
    kind: type[Resource],
    field: str,
    value: Any,
) -> None:
    resource = kind(organisation_id=1, project_id=1)
    resource.fill({**SAMPLES[kind].usual, field: value})

    assert str(getattr(resource, field)) == str(value)


@pytest.mark.parametrize(("kind", "field", "value"), REFUSED)
def test_what_is_out_of_bounds_is_refused_beside_its_field(
    app: Flask,
    kind: type[Resource],
    field: str,
    value: Any,
) -> None:
    with pytest.raises(Invalid) as refused:
        kind(organisation_id=1, project_id=1).fill({**SAMPLES[kind].usual, field: value})

    assert refused.value.field == field


@kinds
def test_the_largest_values_fit_into_the_database(
    acme: Organisation, web: Project, ada: Actor, kind: type[Resource]
) -> None:
    largest = {field: values[-1] for field, values in SAMPLES[kind].taken.items()}
    create(web, ada, kind, handle="h" * 51, **largest)

    assert len(entries(acme)) == 6


@kinds
def test_a_field_that_is_not_declared_is_an_error_of_ours(web: Project, ada: Actor, kind: type[Resource]) -> None:
    with pytest.raises(KeyError, match="colour"):
        create(web, ada, kind, colour="red")


@pytest.mark.parametrize(("kind", "field"), HIDDEN)
def test_a_sealed_value_left_empty_stays_what_it_is(
    acme: Organisation, web: Project, ada: Actor, kind: type[Resource], field: str
) -> None:
    resource = create(web, ada, kind)
    with transaction():
        resource.update(ada, resource.version, **{field: ""})

    assert getattr(resource, field) == SAMPLES[kind].usual[field]
    assert len(entries(acme)) == 6


@kinds
def test_what_it_uses_is_the_same_in_sql(web: Project, ada: Actor, kind: type[Resource]) -> None:
    resource = create(web, ada, kind, **{field: values[-1] for field, values in SAMPLES[kind].taken.items()})

    assert Usage(*db.session.execute(text(f"SELECT {kind.USES} FROM {kind.plural}")).one()) == resource.uses


@kinds
def test_what_its_page_shows_of_it_is_nothing_sealed(web: Project, ada: Actor, kind: type[Resource]) -> None:
    resource = create(web, ada, kind)
    sealed = {kind.fields()[name].label for name in kind.sealed()}

    assert resource.facts
    assert not sealed & {each.label for each in resource.facts}


@kinds
def test_what_it_uses_is_charged_for_until_its_end(
    acme: Organisation, web: Project, ada: Actor, kind: type[Resource]
) -> None:
    resource = create(web, ada, kind)
    assert usage.in_use(acme.id) == (Usage() if isinstance(resource, Running) else resource.uses)
    with transaction():
        resource.update(ada, resource.version, **SAMPLES[kind].changed)
    if isinstance(resource, Running):
        deployed(resource.key, resource.revision)
    assert usage.in_use(acme.id) == resource.uses
    with transaction():
        resource.end(ada)
    assert usage.in_use(acme.id) == Usage()


@pytest.mark.parametrize("kind", RUNNING, ids=lambda kind: kind.noun)
def test_what_is_deployed_is_the_same_in_sql(web: Project, ada: Actor, kind: type[Running]) -> None:
    resource = create(web, ada, kind, **{field: values[-1] for field, values in SAMPLES[kind].taken.items()})

    assert db.session.execute(text(f"SELECT {kind.DETAIL} FROM {kind.plural}")).scalar_one() == resource.deployed_as
