"""Sealing: every entry comes under a signed checkpoint, nothing is signed on top of a changed past, and proofs hold."""

import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest
from flask import Flask

from models import installation
from models.log import seal, signing
from models.log.actor import Actor
from models.log.leaves import leaves
from models.log.proof.checkpoint import Checkpoint, opened
from models.log.proof.note import Note
from models.log.proof.tree import is_consistent, is_included, leaf_hash
from models.log.trees import META, Tree, edge_of
from models.organisation import Organisation
from models.project import Project
from models.settings import Settings
from models.system import due, published, sealing
from models.transaction import transaction
from tests.support.attacks import rewritten
from tests.support.log import rename
from tests.support.seals import newest
from tests.support.together import Deed


@pytest.fixture(autouse=True)
def keys(app: Flask, settings: Settings) -> None:
    """This process signs."""
    signing.attach(app, settings)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the last checkpoint of all is kept."""
    return tmp_path / "data" / "sealed"


@pytest.fixture
def history(superuser: psycopg.Connection, acme: Organisation) -> None:
    """A thousand more entries of acme, after its four."""
    superuser.execute(MANY, {"organisation": acme.id, "first": 5, "last": 1004})


def test_what_was_written_is_sealed(acme: Organisation, file: Path) -> None:
    now = datetime.now(UTC)
    assert due.look(now).seals
    assert seal.standing(acme.id)[:3] == (0, None, 4)
    sealing.seal_all(file)

    assert not due.look(now).seals
    found = newest(acme.id)
    standing = seal.standing(acme.id)
    assert (found.size, standing.size, standing.head, standing.waiting_since) == (4, 4, 4, None)
    assert standing.sealed_at == found.at


def test_a_checkpoint_is_signed_under_the_name_of_its_log(acme: Organisation, file: Path) -> None:
    sealing.seal_all(file)
    with transaction():
        name = installation.identity()
    found = newest(acme.id)
    [log] = seal.verifiers(found.origin)

    assert found.origin == f"{name}/{acme.id}/1"
    assert opened(found.note, log) == Checkpoint(found.origin, 4, found.root)
    assert newest(META).origin == f"{name}/meta/1"


def test_leaf_n_minus_1_is_entry_n(acme: Organisation, history: None, file: Path) -> None:
    sealing.seal_all(file)
    found = newest(acme.id)
    entries = [leaf_hash(each) for each in leaves(acme.id, 1, 1004)]

    assert found.size == 1004
    for number in (1, 4, 255, 256, 257, 512, 769, 1004):
        assert is_included(entries[number - 1], number - 1, 1004, seal.inclusion(found, number), found.root)
        assert not is_included(entries[number - 2], number - 1, 1004, seal.inclusion(found, number), found.root)


def test_each_checkpoint_goes_on_from_the_one_before(
    acme: Organisation, history: None, file: Path, superuser: psycopg.Connection
) -> None:
    sealing.seal_all(file, step=300)
    seals = seal.history(acme.id)
    tree = seals[0].tree

    assert [each.size for each in seals] == [1004, 900, 600, 300]
    for new, old in pairwise(seals):
        proof = seal.consistency(tree, old.size, new.size)
        assert is_consistent(old.size, new.size, proof, old.root, new.root)
    tiles = superuser.execute("SELECT level, index FROM activity_tiles WHERE organisation_id > 0 ORDER BY 2").fetchall()
    assert tiles == [(0, 0), (0, 1), (0, 2)]


def test_an_entry_is_proven_at_an_older_checkpoint_as_well(acme: Organisation, history: None, file: Path) -> None:
    sealing.seal_all(file, step=300)
    [entry] = [leaf_hash(each) for each in leaves(acme.id, 299, 299)]
    covering = seal.covering(Tree(acme.id, 1), 299)

    assert covering is not None
    assert covering.size == 300
    assert is_included(entry, 298, 300, seal.inclusion(covering, 299), covering.root)
    assert seal.covering(Tree(acme.id, 1), 1005) is None


def test_every_checkpoint_is_a_leaf_of_the_installation_s_tree(acme: Organisation, history: None, file: Path) -> None:
    sealing.seal_all(file, step=300)
    meta = newest(META)

    assert meta.size == 5  # the record of the epoch, and four checkpoints
    for each in seal.history(acme.id):
        assert each.meta_index is not None
        leaf = leaf_hash(each.text.encode())
        assert is_included(leaf, each.meta_index, meta.size, seal.in_meta(each, meta), meta.root)
    record = leaf_hash(seal.record(1).encode())
    assert edge_of(meta.tree, 1).root() == record
    assert json.loads(seal.record(1))["reason"] == sealing.FIRST


def test_nothing_is_sealed_twice(acme: Organisation, file: Path) -> None:
    sealing.seal_all(file)
    sealing.seal_all(file)

    assert len(seal.history(acme.id)) == len(seal.history(META)) == 1


def test_the_last_checkpoint_of_all_is_kept_outside_of_the_database(
    acme: Organisation, web: Project, ada: Actor, file: Path
) -> None:
    sealing.seal_all(file)
    first = published.read(file)
    assert first == newest(META).note
    rename(web, ada, "Shop")
    sealing.seal_all(file)

    assert published.read(file) == newest(META).note != first


def test_it_goes_on_later_when_it_is_told_to_end(acme: Organisation, history: None, file: Path) -> None:
    left: Iterator[bool] = iter([True, False])

    assert sealing.seal_all(file, lambda: next(left), step=100)
    assert newest(acme.id).size == 100
    assert not sealing.seal_all(file)
    assert newest(acme.id).size == 1004


def test_whoever_comes_second_leaves_it_to_the_first(
    acme: Organisation, file: Path, superuser: psycopg.Connection
) -> None:
    with superuser.transaction():
        superuser.execute("SELECT pg_advisory_xact_lock(%s)", [sealing.LOCK])
        assert not sealing.seal_all(file)
        assert seal.last(acme.id) is None
    sealing.seal_all(file)

    assert newest(acme.id).size == 4


def test_what_another_has_sealed_a_moment_ago_is_no_trouble(acme: Organisation, file: Path) -> None:
    others: Iterator[Callable[[], bool]] = iter([lambda: sealing.seal_all(file)])

    def another_comes_first() -> bool:
        for seals in others:
            seals()
        return True

    sealing.seal_all(file, another_comes_first)
    found = seal.standing(acme.id)

    assert (found.size, found.refused) == (found.head, None)


def test_two_that_seal_for_the_first_time_begin_one_epoch(acme: Organisation, app: Flask, file: Path) -> None:
    deeds = [Deed(app, lambda: sealing.seal_all(file), within=nullcontext) for _ in range(2)]

    assert [each.outcome for each in deeds] == [False, False]
    assert (seal.epoch(), newest(acme.id).size) == (1, 4)


# A past that has changed


def test_nothing_is_signed_on_top_of_a_changed_entry(
    acme: Organisation, web: Project, ada: Actor, file: Path, superuser: psycopg.Connection
) -> None:
    sealing.seal_all(file)
    rewritten(superuser, f"UPDATE activity_entries SET summary = 'x' WHERE organisation_id = {acme.id} AND number = 2")
    rename(web, ada, "Shop")
    sealing.seal_all(file)

    assert newest(acme.id).size == 5
    assert seal.standing(acme.id).refused == "The entries up to #5 are not those that were sealed."


def test_one_organisation_s_trouble_is_not_another_s(
    acme: Organisation, web: Project, file: Path, superuser: psycopg.Connection
) -> None:
    rewritten(superuser, f"DELETE FROM activity_entries WHERE organisation_id = {acme.id} AND number = 2")
    superuser.execute("INSERT INTO activity_heads VALUES (77, 0)")
    superuser.execute(MANY, {"organisation": 77, "first": 1, "last": 3})
    sealing.seal_all(file)

    assert seal.last(acme.id) is None
    assert seal.standing(acme.id).refused == "Entries between #1 and #5 are missing."
    assert newest(77).size == 3
    assert seal.standing(77).refused is None


def test_sealing_goes_on_once_the_past_is_what_it_was(
    acme: Organisation, web: Project, ada: Actor, file: Path, superuser: psycopg.Connection
) -> None:
    sealing.seal_all(file)
    [before] = superuser.execute("SELECT summary FROM activity_entries WHERE number = 2").fetchone() or ("",)
    rewritten(superuser, "UPDATE activity_entries SET summary = 'x' WHERE number = 2")
    rename(web, ada, "Shop")
    sealing.seal_all(file)
    rewritten(superuser, f"UPDATE activity_entries SET summary = '{before}' WHERE number = 2")
    sealing.seal_all(file)

    assert newest(acme.id).size == 6
    assert seal.standing(acme.id).refused is None


def test_a_database_that_went_back_is_not_sealed_any_further(
    acme: Organisation, web: Project, ada: Actor, file: Path, superuser: psycopg.Connection
) -> None:
    sealing.seal_all(file)
    rename(web, ada, "Shop")
    sealing.seal_all(file)
    rewritten(superuser, "DELETE FROM activity_checkpoints WHERE (organisation_id, size) IN ((0, 3), (1, 6))")
    sealing.seal_all(file)

    refused = seal.standing(acme.id).refused
    assert refused == "The database has gone back: 3 checkpoints were published, it has 2."
    assert newest(acme.id).size == 5


def test_a_database_with_another_past_is_not_sealed_any_further(
    acme: Organisation, web: Project, ada: Actor, file: Path, superuser: psycopg.Connection
) -> None:
    sealing.seal_all(file)
    kept = published.read(file)
    assert kept is not None
    rewritten(superuser, "TRUNCATE activity_checkpoints, activity_tiles")
    file.unlink()
    rename(web, ada, "Shop")
    sealing.seal_all(file)
    published.write(file, kept)
    rename(web, ada, "Shop again")
    sealing.seal_all(file)

    refused = seal.standing(acme.id).refused
    assert refused == "The 2 checkpoints that were published are not those of the database."


def test_a_new_epoch_begins_with_what_was_before(
    acme: Organisation, web: Project, ada: Actor, file: Path, superuser: psycopg.Connection
) -> None:
    sealing.seal_all(file)
    rename(web, ada, "Shop")
    sealing.seal_all(file)
    last = newest(META)
    rewritten(superuser, "DELETE FROM activity_checkpoints WHERE size IN (3, 6)")
    sealing.seal_all(file)
    assert sealing.begin_epoch(file, "Restored after a disk had failed.", web.created_at) == 2
    sealing.seal_all(file)

    record = json.loads(seal.record(2))
    assert (record["reason"], record["published"]) == ("Restored after a disk had failed.", last.text)
    assert Checkpoint.parse(record["found"]).size == 2
    assert newest(acme.id)[:3] == (acme.id, 2, 6)
    assert seal.standing(acme.id).refused is None
    assert published.read(file) == newest(META).note
    assert published.read(file.with_name("sealed.1")) == last.note


def test_an_epoch_that_another_file_did_not_know_of_is_accepted(acme: Organisation, file: Path) -> None:
    sealing.seal_all(file)
    kept = published.read(file) or ""
    sealing.begin_epoch(file, "By hand.", newest(META).at)
    published.write(file, kept)
    sealing.seal_all(file)

    assert seal.standing(acme.id).refused is None


def test_a_file_that_cannot_be_read_lets_nothing_be_sealed(acme: Organisation, file: Path) -> None:
    file.parent.mkdir()
    file.write_text("not a checkpoint")
    sealing.seal_all(file)

    assert seal.last(acme.id) is None
    assert f"The checkpoint in {file} cannot be read" in (seal.standing(acme.id).refused or "")


def test_where_the_file_cannot_be_written_sealing_ends(
    acme: Organisation, web: Project, ada: Actor, file: Path
) -> None:
    file.parent.write_text("a file in the place of the folder")
    sealing.seal_all(file)

    assert "The checkpoint in" in (seal.standing(acme.id).refused or "")
    assert seal.last(acme.id) is None


def test_what_was_signed_before_a_rotation_verifies_after_it(
    acme: Organisation, web: Project, ada: Actor, file: Path, settings: Settings
) -> None:
    sealing.seal_all(file)
    old = newest(acme.id)
    try:
        signing.SIGNING_KEYS.load(f"s2:{'B' * 43}=")
        rename(web, ada, "Shop")
        sealing.seal_all(file)
    finally:
        signing.SIGNING_KEYS.load(settings.signing_keys)
    new = newest(acme.id)
    first, second = seal.verifiers(old.origin)

    assert [each.id for each in seal.publics()] == ["s1", "s2"]
    assert Note.parse(old.note).verified_by([first, second]) == [first]
    assert Note.parse(new.note).verified_by([first, second]) == [second]


MANY = """
    WITH written AS (
        INSERT INTO activity_entries (organisation_id, number, door, action, resource_type, resource_id, resource_name,
                                      summary, changes)
        SELECT %(organisation)s, number, 'worker', 'update', 'container', number, 'c' || number,
               'Container c' || number || ' updated', '{"image": ["nginx:1.27", "nginx:1.28"]}'
          FROM generate_series(%(first)s::integer, %(last)s::integer) AS number RETURNING number)
    UPDATE activity_heads SET last_number = (SELECT max(number) FROM written) WHERE organisation_id = %(organisation)s
"""
