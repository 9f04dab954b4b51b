"""Leaves: byte for byte what the `rfc8785` package makes of an entry, before PostgreSQL has had it and after."""

import json
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import psycopg
import pytest
import rfc8785
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as some
from psycopg.types.json import Jsonb

from models.log.actor import Actor
from models.log.leaves import STEP, leaf_entries, leaves
from models.log.proof.canonical import EXACT_MOST, NotCanonical
from models.log.proof.leaf import LeafEntry, leaf
from models.organisation import Organisation
from models.people.access import Role
from models.people.member import invite_member
from models.transaction import transaction
from tests.models.proof.test_canonical import EXAMPLES, TEXTS, VALUES
from tests.support.log import fill

IDS = some.integers(1, EXACT_MOST)
HASHES = some.binary(min_size=32, max_size=32).map(bytes.hex)
TIMES = some.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1)).map(lambda each: f"{each:%Y-%m-%dT%H:%M:%S.%fZ}")
CHANGES = some.dictionaries(TEXTS, some.lists(VALUES, max_size=2), max_size=3)
ENTRIES = some.builds(
    LeafEntry,
    organisation=IDS,
    number=IDS,
    at=TIMES,
    via=some.sampled_from(["web", "api", "worker", "cli"]),
    action=some.sampled_from(["create", "update", "delete", "terminate"]),
    actor=some.none() | HASHES,
    actor_id=some.none() | IDS,
    actor_role=some.none() | TEXTS,
    resource_type=some.sampled_from(["container", "user"]),
    resource_id=IDS,
    resource_name=TEXTS,
    project_id=some.none() | IDS,
    project_name=some.none() | TEXTS,
    summary=TEXTS,
    changes=some.none() | CHANGES,
    cause=some.none() | IDS,
    people=some.lists(some.none() | HASHES, max_size=3),
)
INSERT = b"""
    INSERT INTO activity_entries (
        organisation_id, number, occurred_at, door, action, actor_id, actor_role, resource_type, resource_id,
        resource_name, project_id, project_name, summary, changes, cause_number)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"""
SMALL = some.integers(1, 2**31 - 1)


@hypothesis(max_examples=EXAMPLES)
@given(ENTRIES)
def test_a_leaf_is_what_the_package_makes_of_the_entry(entry: LeafEntry) -> None:
    assert leaf(entry) == rfc8785.dumps({"v": 1, **entry._asdict(), "people": list(entry.people)})


def test_a_leaf_is_made_again_of_what_postgresql_has_kept(app: object, superuser: psycopg.Connection) -> None:
    number = iter(range(1, 10_000))
    written = {}

    @hypothesis(max_examples=500)
    @given(ENTRIES, SMALL, SMALL, SMALL)
    def write(entry: LeafEntry, actor_id: int, project_id: int, resource_id: int) -> None:
        told = entry._replace(organisation=1, number=next(number), actor=None, people=[])
        told = told._replace(actor_id=actor_id, project_id=project_id, resource_id=resource_id)
        values = [told.organisation, told.number, told.at, told.via, told.action, told.actor_id, told.actor_role]
        values += [told.resource_type, told.resource_id, told.resource_name, told.project_id, told.project_name]
        values += [told.summary, None if told.changes is None else Jsonb(told.changes), told.cause]
        superuser.execute(INSERT, values)
        written[told.number] = leaf(told)

    write()
    assert list(leaves(1, 1, len(written))) == list(written.values())


def test_a_leaf_names_people_by_their_commitments_alone(
    acme: Organisation, ada: Actor, superuser: psycopg.Connection
) -> None:
    with transaction():
        invite_member(acme.id, ada, "emmy@example.com", Role.MEMBER, datetime.now(UTC))
    found = superuser.execute("SELECT name, salt, commitment FROM activity_people").fetchall()
    known = {name: commitment.hex() for name, _, commitment in found}
    [*_, last] = map(json.loads, leaves(acme.id, 1, 100))

    assert all(commitment == sha256(salt + name.encode()).digest() for name, salt, commitment in found)
    assert last["actor"] == known["Ada Lovelace"]
    assert last["people"] == [known["emmy@example.com"]]
    assert (last["resource_name"], last["summary"]) == ("\x1a1", "Invitation of \x1a1 as member sent")


def test_a_person_who_was_taken_away_leaves_a_gap(
    acme: Organisation, ada: Actor, superuser: psycopg.Connection
) -> None:
    with transaction():
        invite_member(acme.id, ada, "emmy@example.com", Role.MEMBER, datetime.now(UTC))
    superuser.execute("SET session_replication_role = replica")
    superuser.execute("ALTER TABLE activity_people DISABLE TRIGGER activity_people_are_permanent")
    try:
        superuser.execute("DELETE FROM activity_people WHERE user_id IS NULL")
    finally:
        superuser.execute("ALTER TABLE activity_people ENABLE ALWAYS TRIGGER activity_people_are_permanent")
    [*_, last] = leaf_entries(acme.id, 1, 100)

    assert last.people == [None]


def test_leaves_come_in_order_across_the_steps_in_which_they_are_read(acme: Organisation, ada: Actor) -> None:
    before = len(list(leaves(acme.id, 1, 100)))
    fill(acme, ada, STEP + 1)
    last = before + STEP + 1

    assert [each.number for each in leaf_entries(acme.id, 1, last + 10)] == list(range(1, last + 1))
    assert [each.number for each in leaf_entries(acme.id, 3, 5)] == [3, 4, 5]


ENTRY = LeafEntry(1, 2, "", "web", "update", None, None, None, "container", 3, "", None, None, "", None, None)


@pytest.mark.parametrize(
    "wrong",
    [{"resource_id": EXACT_MOST + 1}, {"changes": {"a": [1.5]}}, {"summary": "\ud800"}, {"cause": -EXACT_MOST - 1}],
)
def test_what_other_readers_would_not_read_alike_has_no_leaf(wrong: dict[str, Any]) -> None:
    with pytest.raises(NotCanonical):
        leaf(ENTRY._replace(**wrong))
