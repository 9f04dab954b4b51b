"""Bundles, written: entries of an organisation with all that proves them, in the format of docs/log.md."""

from collections.abc import Iterable, Iterator

from sqlalchemy import text

from models.database import read
from models.log import seal
from models.log.leaves import leaf_entries, leaves
from models.log.proof.bundle import Header, InMeta, path_line, person_line
from models.log.proof.leaf import leaf
from models.log.proof.proof_file import ProofFile
from models.log.proof.tree import inclusion_proof
from models.log.seal import Seal
from models.log.trees import META, Tree, node_of


def complete(organisation_id: int) -> Iterator[str] | None:
    """Yields the lines of a bundle of all entries that are sealed; None when none is."""
    found = seal.last(organisation_id)
    return found and _complete(found)


def ranging(organisation_id: int, first: int, last: int) -> Iterator[str] | None:
    """Yields the lines of a bundle of some entries, each with its proof; None when not all of them are sealed."""
    found = seal.last(organisation_id)
    return _ranging(found, first, last) if found and 1 <= first <= last <= found.size else None


def proof(organisation_id: int, number: int) -> tuple[ProofFile, bytes] | None:
    """Returns the proof that the newest checkpoint has an entry, and the leaf; None when it is not sealed."""
    found = seal.last(organisation_id)
    if found is None or not 1 <= number <= found.size:
        return None
    told = list(leaves(organisation_id, number, number))
    return (ProofFile(number - 1, seal.inclusion(found, number), found.note), told[0]) if told else None


def _complete(found: Seal) -> Iterator[str]:
    yield str(_header(found, True, found.size))
    yield from _people(found, 1, found.size)
    for each in leaves(found.organisation_id, 1, found.size):
        yield each.decode()


def _ranging(found: Seal, first: int, last: int) -> Iterator[str]:
    yield str(_header(found, False, last - first + 1))
    yield from _people(found, first, last)
    node = node_of(found.tree, found.size, [first - 1, last - 1])
    for each in leaf_entries(found.organisation_id, first, last):
        yield leaf(each).decode()
        yield path_line(inclusion_proof(each.number - 1, found.size, node))


def _header(found: Seal, is_complete: bool, entries: int) -> Header:
    meta = seal.last_of(Tree(META, found.epoch))
    inside = None
    if meta and found.meta_index is not None and found.meta_index < meta.size:
        inside = InMeta(meta.note, found.meta_index, seal.in_meta(found, meta))
    keys = [str(each) for each in seal.verifiers(found.origin)]
    return Header(found.organisation_id, is_complete, entries, found.note, keys, inside)


def _people(found: Seal, first: int, last: int) -> Iterable[str]:
    values = {"organisation": found.organisation_id, "first": first, "last": last}
    for name, salt, commitment in read(PEOPLE, values):
        yield person_line(name, bytes(salt), bytes(commitment))


# Who was erased is not there any more; who is spoken of later only would be a name that nothing proves.
PEOPLE = text("""
    SELECT name, salt, commitment FROM activity_people AS person
      JOIN (SELECT actor_person AS id FROM activity_entries
             WHERE organisation_id = :organisation AND number BETWEEN :first AND :last AND actor_person IS NOT NULL
             UNION SELECT unnest(people) FROM activity_entries
             WHERE organisation_id = :organisation AND number BETWEEN :first AND :last AND people IS NOT NULL
           ) AS spoken USING (id)
     WHERE person.organisation_id = :organisation AND name IS NOT NULL ORDER BY id
""")
