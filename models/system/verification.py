"""Verifying: the log is computed again from its entries, and compared with all that was ever said of it.

Leaves, tiles, checkpoints and their signatures, the installation's own log, the heads, the times, what people were
called, and the tables that are derived from entries. What is found is told one by one; nothing is changed.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import text

from models.database import read
from models.log.leaves import leaf_entries
from models.log.proof.checkpoint import Checkpoint
from models.log.proof.edge import Edge
from models.log.proof.finding import Finding, Verdict
from models.log.proof.leaf import NoLeaf, leaf
from models.log.proof.note import BadNote, Note, Verifier
from models.log.proof.tiles import WIDTH
from models.log.proof.tree import leaf_hash, root
from models.log.proof.trust import Origin
from models.log.trees import META, Tree, edge_of, node_of
from models.system.derived import underived
from models.system.regrown import Regrown

STEP = 20 * WIDTH
Progress = Callable[[int], None]
Pins = Mapping[int, Sequence[bytes]]
"""The roots that were kept, by size."""


class Asked(NamedTuple):
    """What is to be verified."""

    organisations: Sequence[int] = ()
    """None named: all of them. The installation's own log is looked at in any case."""
    since: int = 1
    """From which entry on; what is before is taken from the tiles."""
    pins: Sequence[Checkpoint] = ()
    trusted: Sequence[bytes] = ()
    """Public keys of which one must have signed the newest checkpoint of all; none named: any that has ever signed."""


def pinned(written: str) -> Checkpoint:
    """Reads a checkpoint that was kept. Raises BadNote."""
    found = Checkpoint.parse(Note.parse(written).text)
    if Origin.parse(found.origin) is None:
        raise BadNote(f"{found.origin} is no log of an installation")
    return found


def entries_of(asked: Asked) -> int:
    """Returns how many entries will be looked at, for who shows how far it is."""
    heads = read(HEADS, {})
    chosen = [last for each, last in heads if not asked.organisations or each in asked.organisations]
    return sum(max(0, last - asked.since + 1) for last in chosen)


def verify(asked: Asked, progress: Progress = lambda _: None) -> Iterator[Finding]:
    """Yields all that is wrong, and tells how many more entries it has looked at."""
    found = read(IDENTITY, {})
    installation = str(found[0][0]) if found else ""
    epochs = [each for (each,) in read(EPOCHS, {})]
    pins, elsewhere = _sorted(asked.pins, installation)
    yield from elsewhere
    if not read(NEWEST, {"meta": META}):
        yield Finding(Verdict.UNKNOWN, None, "Nothing is sealed now: there is nothing to compare the log with.")
    # The checkpoints of each organisation are believed because they are in there.
    yield from _meta(installation, epochs, asked, pins)
    yield from _without_a_log()
    known = [each for (each,) in read(ORGANISATIONS, {})]
    chosen = set(asked.organisations or known) | {each for each, _ in pins if each != META}
    for organisation_id in sorted(chosen):
        of_it = {
            size: roots for (each, _), sizes in pins.items() if each == organisation_id for size, roots in sizes.items()
        }
        yield from _organisation(organisation_id, installation, epochs, asked, of_it, progress)


def _sorted(
    pins: Sequence[Checkpoint], installation: str
) -> tuple[dict[tuple[int, int], dict[int, list[bytes]]], list[Finding]]:
    """The roots that were kept, by organisation and epoch; what is of another installation is a finding."""
    by_tree: dict[tuple[int, int], dict[int, list[bytes]]] = defaultdict(lambda: defaultdict(list))
    elsewhere = []
    for each in pins:
        origin = Origin.parse(each.origin)
        assert origin is not None
        if origin.installation != installation:
            says = f"The kept checkpoint is of {each.origin}, and this installation is {installation or 'nothing yet'}."
            elsewhere.append(Finding(Verdict.GONE_BACK, None, says))
            continue
        # An epoch has trees of its own, but over the same entries: only the installation's own log differs.
        of = (META, int(origin.epoch)) if origin.log == "meta" else (int(origin.log), 0)
        by_tree[of][each.size].append(each.root)
    return by_tree, elsewhere


def _meta(
    installation: str,
    epochs: Sequence[int],
    asked: Asked,
    pins: Mapping[tuple[int, int], Pins],
) -> Iterator[Finding]:
    """The installation's own log: the record of each epoch, and every checkpoint of an organisation in its place."""
    for epoch in epochs:
        tree = Regrown(META, [epoch], installation, asked.trusted, Edge())
        of_epoch = pins.get((META, epoch), {})
        record = next((told.encode() for (told,) in read(RECORD, {"epoch": epoch})), None)
        end = read(META_END, {"epoch": epoch})[0][0] or 0
        for first in range(0, end + 1, STEP):
            last = min(first + STEP, end + 1)
            found = {0: record} if record else {}
            for index, note in read(META_LEAVES, {"epoch": epoch, "first": first, "end": last}):
                try:
                    found[index] = Note.parse(note).text.encode()
                except BadNote:
                    continue
            leaves = [found.get(index) for index in range(first, last)]
            yield from tree.grow([None if each is None else leaf_hash(each) for each in leaves], of_epoch)
        yield from tree.beyond()
        yield from _too_short(None, tree.size, of_epoch)
    for organisation_id, epoch in pins:
        if organisation_id == META and epoch not in epochs:
            yield Finding(
                Verdict.GONE_BACK, None, f"Of epoch {epoch}, of which a checkpoint was kept, nothing is there."
            )
    yield from _newest(installation, asked.trusted)


def _newest(installation: str, trusted: Sequence[bytes]) -> Iterator[Finding]:
    """What a signature says of the whole: it must be that of a key that is known from outside of the database."""
    if not trusted:
        return
    for epoch, note in read(NEWEST, {"meta": META}):
        try:
            origin = f"{installation}/meta/{epoch}"
            if Note.parse(note).verified_by(Verifier(origin, each) for each in trusted):
                continue
        except BadNote:
            pass
        says = "No key that is trusted has signed the newest checkpoint of the installation's own log."
        yield Finding(Verdict.TAMPERED, None, says)


def _without_a_log() -> Iterator[Finding]:
    for (organisation_id,) in read(WITHOUT_A_LOG, {}):
        yield Finding(Verdict.TAMPERED, organisation_id, "There is something of this organisation, and no log of it.")


def _organisation(
    organisation_id: int,
    installation: str,
    epochs: Sequence[int],
    asked: Asked,
    pins: Pins,
    progress: Progress,
) -> Iterator[Finding]:
    edge, tiled = _edge(organisation_id, epochs, asked.since)
    tree = Regrown(organisation_id, epochs, installation, asked.trusted, edge)
    yield from _before(tiled, edge.size, pins)
    last, head, odd = read(ENDS, {"organisation": organisation_id})[0]
    if odd:
        yield Finding(Verdict.TAMPERED, organisation_id, "An entry has a number that none has.", odd)
    if head is None or head != last:
        says = f"The log counts {head or 0} entries, and the last one is #{last}."
        yield Finding(Verdict.TAMPERED, organisation_id, says, min(head or 0, last) + 1, max(head or 0, last))
    before = ""
    for first in range(edge.size + 1, last + 1, STEP):
        end = min(first + STEP - 1, last)
        hashes: dict[int, bytes | None] = {}
        for entry in leaf_entries(organisation_id, first, end):
            if entry.at < before:
                says = "Its time is before that of the entry before it."
                yield Finding(Verdict.TAMPERED, organisation_id, says, entry.number)
            before = entry.at
            try:
                hashes[entry.number] = leaf_hash(leaf(entry))
            except NoLeaf as error:
                hashes[entry.number] = None
                says = str(error)
                yield Finding(Verdict.TAMPERED, organisation_id, f"{says[:1].upper()}{says[1:]}.", entry.number)
        yield from _missing(organisation_id, hashes, first, end)
        yield from tree.grow([hashes.get(number) for number in range(first, end + 1)], pins)
        progress(end - first + 1)
    yield from tree.beyond()
    yield from _too_short(organisation_id, tree.size, pins)
    yield from underived(organisation_id)


def _edge(organisation_id: int, epochs: Sequence[int], since: int) -> tuple[Edge, Tree]:
    """Where to begin: at the last full tile before an entry, or at the first entry where tiles do not lead there.

    With the tree whose tiles do: what is sealed anew in an epoch that has just begun may not have come so far.
    """
    size = (since - 1) // WIDTH * WIDTH
    for epoch in reversed(epochs):
        tree = Tree(organisation_id, epoch)
        try:
            return edge_of(tree, size), tree
        except (ValueError, IndexError):
            continue
    return Edge(), Tree(organisation_id, 0)


def _before(tiled: Tree, size: int, pins: Pins) -> Iterator[Finding]:
    """What was kept of what is not looked at is compared with the tiles."""
    for pin, roots in pins.items():
        if pin <= size and any(each != root(pin, node_of(tiled, pin)) for each in roots):
            says = f"What is there up to {pin} is not what the kept checkpoint is of."
            yield Finding(Verdict.GONE_BACK, tiled.organisation_id, says, 1, pin)


def _too_short(organisation_id: int | None, size: int, pins: Pins) -> Iterator[Finding]:
    for pin in pins:
        if pin > size:
            says = f"A checkpoint was kept at {pin}, and the log ends at {size}."
            yield Finding(Verdict.GONE_BACK, organisation_id, says, size + 1, pin)


def _missing(organisation_id: int, hashes: Mapping[int, bytes | None], first: int, end: int) -> Iterator[Finding]:
    """A finding for each stretch of entries that are not there."""
    expected = first
    for number in [*hashes, end + 1]:
        if number > expected:
            yield Finding(Verdict.TAMPERED, organisation_id, "It is missing.", expected, number - 1)
        expected = number + 1


IDENTITY = text("SELECT id FROM platform")
EPOCHS = text("""
    SELECT epoch FROM activity_epochs UNION SELECT DISTINCT epoch FROM activity_checkpoints ORDER BY epoch
""")
HEADS = text("SELECT organisation_id, last_number FROM activity_heads")
# Each organisation is found by the key, not by a look at every entry.
ORGANISATIONS = text("""
    WITH RECURSIVE logs (id) AS (
        SELECT min(organisation_id) FROM activity_entries
        UNION ALL
        SELECT (SELECT min(organisation_id) FROM activity_entries WHERE organisation_id > logs.id)
          FROM logs WHERE logs.id IS NOT NULL)
    SELECT id FROM logs WHERE id IS NOT NULL
     UNION SELECT organisation_id FROM activity_heads
     UNION SELECT DISTINCT organisation_id FROM activity_checkpoints WHERE organisation_id > 0 ORDER BY 1
""")
WITHOUT_A_LOG = text("""
    SELECT id FROM organisations WHERE NOT EXISTS (SELECT FROM activity_heads WHERE organisation_id = organisations.id)
     UNION SELECT DISTINCT organisation_id FROM activity_people AS person
      WHERE NOT EXISTS (SELECT FROM activity_heads WHERE organisation_id = person.organisation_id) ORDER BY 1
""")
ENDS = text("""
    SELECT COALESCE((SELECT max(number) FROM activity_entries WHERE organisation_id = :organisation), 0),
           (SELECT last_number FROM activity_heads WHERE organisation_id = :organisation),
           (SELECT min(number) FROM activity_entries WHERE organisation_id = :organisation AND number < 1)
""")
RECORD = text("SELECT leaf FROM activity_epochs WHERE epoch = :epoch")
META_END = text("SELECT max(meta_index) FROM activity_checkpoints WHERE epoch = :epoch")
META_LEAVES = text("""
    SELECT meta_index, note FROM activity_checkpoints
     WHERE epoch = :epoch AND meta_index >= :first AND meta_index < :end ORDER BY meta_index
""")
NEWEST = text("""
    SELECT epoch, note FROM activity_checkpoints
     WHERE organisation_id = :meta AND epoch = (SELECT max(epoch) FROM activity_epochs) ORDER BY size DESC LIMIT 1
""")
