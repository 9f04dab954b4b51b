"""Quotas: how much there may be, how fast it may be added, and that whoever meets one is told what to do."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from models import quotas
from models.billing.cards import add_payment_method
from models.database import db
from models.errors import QuotaReached
from models.kinds.catalogue import KINDS
from models.log.actor import Actor
from models.organisation import Organisation, create_organisation
from models.people.member import find_member, invite_member, revoke_invitation
from models.people.user import User
from models.project import Project
from models.settings import Settings
from models.transaction import transaction
from tests.support.factories import many_containers
from tests.support.kinds import SAMPLES, create
from tests.support.log import entries
from tests.support.money import CARD, add_card

Limit = Callable[..., None]


@pytest.fixture
def limit(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Limit:
    """Have other quotas hold."""

    def changed(**limits: Any) -> None:
        monkeypatch.setattr(quotas.IN_FORCE, "settings", replace(settings, **limits))

    return changed


def add_project(acme: Organisation, ada: Actor, handle: str) -> Project:
    """One more."""
    with transaction():
        return acme.create_project(ada, name=handle, handle=handle)


def invite(acme: Organisation, ada: Actor, number: int) -> Any:
    """Someone else."""
    with transaction():
        return invite_member(acme.id, ada, f"new{number}@example.com", "member", datetime.now(UTC)).invitation


def found(user: User, actor: Actor, handle: str) -> Organisation:
    """One more of their own."""
    with transaction():
        return create_organisation(user, actor, name=handle, handle=handle, email="a@example.com")


def test_an_organisation_has_so_many_projects_and_room_again_once_one_is_gone(
    acme: Organisation, web: Project, ada: Actor, limit: Limit, superuser: psycopg.Connection
) -> None:
    limit(projects_most=2)
    add_project(acme, ada, "two")
    before = len(entries(acme))
    with pytest.raises(QuotaReached, match=r"has 2 projects, the most there may be. Delete one .* \(PROJECTS_MOST\)"):
        add_project(acme, ada, "three")
    assert len(entries(acme)) == before

    superuser.execute("UPDATE projects SET state = 'deleted', ended_at = now() WHERE handle = 'two'")
    add_project(acme, ada, "three")


def test_the_resources_of_all_kinds_and_projects_are_counted_together(
    acme: Organisation, web: Project, ada: Actor, limit: Limit
) -> None:
    other = add_project(acme, ada, "other")
    limit(resources_most=len(KINDS))
    things = [
        create(each, ada, kind, handle=f"a-{kind.noun}") for kind, each in zip(KINDS, (web, other) * 9, strict=False)
    ]
    for kind in KINDS:
        with pytest.raises(QuotaReached, match=f"has {len(KINDS)} resources, .*RESOURCES_MOST"):
            create(web, ada, kind, handle=f"b-{kind.noun}")

    with transaction():
        things[0].end(ada)
    create(web, ada, KINDS[0], handle="again")


def test_an_invitation_has_the_place_of_a_member(acme: Organisation, ada: Actor, limit: Limit, people: object) -> None:
    limit(members_most=5)
    first = invite(acme, ada, 1)
    with pytest.raises(QuotaReached, match=r"5 members and open invitations, .*MEMBERS_MOST"):
        invite(acme, ada, 2)

    with transaction():
        revoke_invitation(acme.id, ada, first.id, datetime.now(UTC))
    invite(acme, ada, 2)


def test_a_member_who_leaves_makes_room(acme: Organisation, ada: Actor, limit: Limit, people: dict[str, User]) -> None:
    limit(members_most=4)
    with pytest.raises(QuotaReached):
        invite(acme, ada, 1)

    with transaction():
        find_member(acme.id, people["vera"].id).remove(ada)
    invite(acme, ada, 1)


def test_an_organisation_has_so_many_cards(acme: Organisation, ada: Actor, limit: Limit) -> None:
    limit(payment_methods_most=1)
    card = add_card(acme, ada)
    with pytest.raises(QuotaReached, match="PAYMENT_METHODS_MOST"):
        add_card(acme, ada)

    with transaction():
        card.remove(ada)
    add_card(acme, ada)


def test_a_person_owns_so_many_organisations(
    acme: Organisation, ada: Actor, people: dict[str, User], limit: Limit, superuser: psycopg.Connection
) -> None:
    limit(organisations_most=2)
    found(people["ada"], ada, "second")
    with pytest.raises(QuotaReached, match=r"You own 2 organisations, .*ORGANISATIONS_MOST"):
        found(people["ada"], ada, "third")

    found(people["grace"], ada, "hers")
    superuser.execute("UPDATE organisations SET state = 'deleted' WHERE handle = 'second'")
    found(people["ada"], ada, "third")


def test_adding_and_ending_again_and_again_is_too_fast(
    acme: Organisation, web: Project, ada: Actor, limit: Limit, superuser: psycopg.Connection
) -> None:
    limit(creations_a_minute=3)
    for number in range(3):
        with transaction():
            thing = web.create(ada, KINDS[-1], handle=f"a{number}", **_others(KINDS[-1]))
        with transaction():
            thing.end(ada)
    with pytest.raises(QuotaReached, match="3 resources were added within a minute"):
        create(web, ada, KINDS[0])

    superuser.execute(f"UPDATE {KINDS[-1].plural} SET created_at = created_at - interval '2 minutes'".encode())
    create(web, ada, KINDS[0])


def _others(kind: Any) -> dict[str, Any]:
    return {name: value for name, value in SAMPLES[kind].usual.items() if name != "handle"}


@pytest.mark.parametrize("what", ["projects", "members", "cards", "organisations"])
def test_whatever_else_is_added_can_be_too_fast(
    acme: Organisation, ada: Actor, people: dict[str, User], limit: Limit, what: str
) -> None:
    add: dict[str, Callable[[int], Any]] = {
        "projects": lambda number: add_project(acme, ada, f"p{number}"),
        "members": lambda number: invite(acme, ada, number),
        "cards": lambda _: add_card(acme, ada),
        "organisations": lambda number: found(people["mallory"], ada, f"o{number}"),
    }
    limit(creations_a_minute=3)
    for number in range(3):
        add[what](number)
    with pytest.raises(QuotaReached, match="within a minute"):
        add[what](3)


def test_what_others_have_is_nothing_to_one(
    acme: Organisation, web: Project, ada: Actor, people: dict[str, User], limit: Limit
) -> None:
    globex = found(people["ada"], ada, "globex")
    with transaction():
        theirs = globex.create_project(ada, name="Web", handle="web")
        many_containers(theirs, ada, 20)
    limit(resources_most=10, projects_most=2, creations_a_minute=10, members_most=5, payment_methods_most=1)
    add_card(globex, ada)

    create(web, ada, KINDS[0])
    add_project(acme, ada, "mine")
    invite(acme, ada, 1)
    add_card(acme, ada)


def test_a_process_without_quotas_adds_what_it_likes(
    acme: Organisation, ada: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quotas.IN_FORCE, "settings", None)
    for _ in range(60):
        with transaction():
            add_payment_method(acme.id, ada, **CARD)


def test_counting_locks_nothing(
    acme: Organisation, web: Project, people: dict[str, User], superuser: psycopg.Connection
) -> None:
    superuser.execute("BEGIN")
    superuser.execute("SELECT 1 FROM organisations, users, memberships, projects FOR UPDATE")
    with transaction():
        for quota in (quotas.PROJECTS, quotas.MEMBERS, quotas.CARDS, quotas.resources(("containers",))):
            quotas.require_room(quota, acme.id, datetime.now(UTC))
        quotas.require_room(quotas.ORGANISATIONS, people["ada"].id, datetime.now(UTC))
    superuser.execute("ROLLBACK")


def test_adding_to_many_reads_no_more_rows_of_the_past(
    acme: Organisation, web: Project, ada: Actor, superuser: psycopg.Connection
) -> None:
    with transaction():
        many_containers(web, ada, 5_000)
    superuser.execute("UPDATE containers SET created_at = created_at - interval '1 hour', ended_at = now()")
    superuser.execute("ANALYZE containers")
    values = {"whose": acme.id, "now": datetime.now(UTC), "since": datetime.now(UTC), "most": 20_000, "fast": 600}
    plan = plan_of(quotas.resources(("containers",)), values)

    assert sum(plan) < 20


def plan_of(quota: quotas.Quota, values: dict[str, Any]) -> list[int]:
    """How many rows each scan of a table has returned or thrown away."""
    explained = text(f"EXPLAIN (ANALYZE, FORMAT JSON) {quota.counting.text}")
    [top] = db.session.execute(explained, values).scalar_one()
    db.session.rollback()
    return list(_scanned(top["Plan"]))


def _scanned(node: dict[str, Any]) -> Any:
    if node.get("Relation Name"):
        rows = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
        yield rows * node["Actual Loops"]
    for each in node.get("Plans", ()):
        yield from _scanned(each)
