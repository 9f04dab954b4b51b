"""Sealing: what was added to the log since the last checkpoints gets tiles and signed checkpoints of its own.

A step is one transaction: checkpoints of some organisations, and one of the installation's tree, which has them as its
leaves. Nothing is signed on top of a past that has changed: the root of the last checkpoint must come out again, and
the installation's tree must go on from what was last published, which stands in a file outside of the database.
"""

import json
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import text

from models import installation
from models.database import db, read
from models.log import seal
from models.log.proof.canonical import canonical
from models.log.proof.checkpoint import Checkpoint
from models.log.proof.edge import Edge, FullTile
from models.log.proof.leaf import NoLeaf
from models.log.proof.note import BadNote, Note
from models.log.proof.tree import leaf_hash
from models.log.signing import SIGNING_KEYS
from models.log.trees import META, Tree, edge_of, hashed_leaves
from models.system import published
from models.transaction import transaction

log = logging.getLogger(__name__)
STEP, ORGANISATIONS_MOST = 10_000, 500
LOCK = 7246014
REASON_MOST = 500
FIRST = "The log begins to be sealed."


class Refused(Exception):
    """The past is not what it was: nothing may be signed on top of it."""

    def __init__(self, organisation_id: int, reason: str) -> None:
        super().__init__(reason)
        self.organisation_id = organisation_id


class Made(NamedTuple):
    """A checkpoint to be written, with the tiles that it has filled."""

    tree: Tree
    size: int
    root: bytes
    note: str
    text: str
    """The part of the note that is signed."""
    tiles: Sequence[FullTile]


def seal_all(file: Path, goes_on: Callable[[], bool] = lambda: True, step: int = STEP) -> bool:
    """Seal what is not sealed yet, in steps of so many entries; returns whether it was `goes_on` that ended it.

    Looks at least once whether the past is what it was. Raises NoSigningKey.
    """
    if not seal.epoch():
        with transaction():
            _begin(1, FIRST, datetime.now(UTC), None)
    refused: set[int] = set()
    while goes_on():
        # The last look is outside of the lock: it finds what was committed while somebody else was turned away.
        if not _seal_some(file, step, refused) or not _behind(refused):
            return False
    return True


def begin_epoch(file: Path, reason: str, now: datetime) -> int:
    """Begin new trees for everybody, of what the database holds now; returns the number of the epoch.

    Its record says why, and what was published before.
    """
    try:
        last = Note.parse(published.read(file) or "").text
    except (OSError, UnicodeDecodeError, BadNote):
        last = None
    with transaction():
        db.session.execute(WAIT, {"lock": LOCK})
        begun = seal.epoch() + 1
        _begin(begun, reason, now, last)
    published.put_aside(file, begun - 1)
    return begun


def _begin(number: int, reason: str, now: datetime, last: str | None) -> None:
    found = seal.last_of(Tree(META, number - 1))
    record = {
        "v": 1,
        "installation": installation.identity(),
        "epoch": number,
        "at": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "reason": reason,
        "published": last,
        "found": found.text if found else None,
    }
    # Two that seal for the first time may both get here.
    db.session.execute(BEGIN, {"epoch": number, "leaf": canonical(record).decode()})


def _seal_some(file: Path, step: int, refused: set[int]) -> bool:
    """A step: one transaction, and then the file. False when somebody else is at it, or nothing may be sealed."""
    now = datetime.now(UTC)
    try:
        with transaction():
            if not db.session.execute(ONE_SEALER, {"lock": LOCK}).scalar_one():
                return False
            name, epoch = installation.identity(), seal.epoch()
            edge = _check(file, name, Tree(META, epoch))
            _publish(file, Tree(META, epoch))
            made = []
            # Under the lock: what another has sealed a moment ago is not behind any more.
            for organisation_id, size, head in _behind(refused):
                try:
                    made.append(_seal(name, Tree(organisation_id, epoch), size, min(head, size + step)))
                except Refused as error:
                    refused.add(organisation_id)
                    _refuse(error, now)
                else:
                    step -= made[-1].size - size
                if step <= 0:
                    break
            if made:
                _write(made, _seal_meta(name, Tree(META, epoch), edge, made), edge.size - len(made))
            db.session.execute(RESUME, {"organisations": [META, *(each.tree.organisation_id for each in made)]})
    except Refused as error:
        with transaction():
            _refuse(error, now)
        return False
    with suppress(Refused):  # the next step says so
        _publish(file, Tree(META, epoch))
    return True


def _seal(name: str, tree: Tree, size: int, end: int) -> Made:
    """The checkpoint of entries up to `end`. Raises Refused when those before are not what they were, and where no
    leaf can be made of the next one; where it is a later one, those before it are sealed.

    The head says up to where there are entries: whoever writes some holds it locked until COMMIT, so that a number
    that can be read is that of an entry that can be read, as are all before it.
    """
    last = seal.last_of(tree)
    edge = _edge(tree, size)
    if edge is None or (edge.root() != last.root if last else size):
        raise Refused(tree.organisation_id, f"The entries up to #{size} are not those that were sealed.")
    try:
        hashes = hashed_leaves(tree, size, end)
    except NoLeaf as error:
        if error.number > size + 1:
            return _seal(name, tree, size, error.number - 1)
        raise Refused(tree.organisation_id, f"Nothing from #{size + 1} on can be sealed: {error}.") from error
    except RecursionError as error:
        # The driver does not say of which entry: fewer and fewer are tried until it is the next one.
        if end > size + 1:
            return _seal(name, tree, size, size + (end - size) // 2)
        says = f"Nothing from #{end} on can be sealed: its changes are nested too deeply."
        raise Refused(tree.organisation_id, says) from error
    if len(hashes) != end - size:
        raise Refused(tree.organisation_id, f"Entries between #{size + 1} and #{end} are missing.")
    return _signed(name, tree, edge, edge.extend(hashes))


def _seal_meta(name: str, tree: Tree, edge: Edge, made: Sequence[Made]) -> Made:
    """The checkpoint of the installation's tree with these as its next leaves."""
    full = [] if edge.size else edge.extend(hashed_leaves(tree, 0, 1))
    full += edge.extend([leaf_hash(each.text.encode()) for each in made])
    return _signed(name, tree, edge, full)


def _signed(name: str, tree: Tree, edge: Edge, full: Sequence[FullTile]) -> Made:
    origin = seal.origin(name, tree)
    note = Checkpoint(origin, edge.size, edge.root()).signed(SIGNING_KEYS.signer(origin))
    return Made(tree, edge.size, edge.root(), str(note), note.text, full)


def _check(file: Path, name: str, tree: Tree) -> Edge:
    """The edge of the installation's tree. Raises Refused when it does not go on from what was published."""
    last = seal.last_of(tree)
    edge = _edge(tree, last.size if last else 0)
    if edge is None or (last and edge.root() != last.root):
        raise Refused(META, "The checkpoints of this installation are not those that were made.")
    try:
        note = published.read(file)
        kept = None if note is None else Checkpoint.parse(Note.parse(note).text)
    except (OSError, UnicodeDecodeError, BadNote) as error:
        raise Refused(META, f"The checkpoint in {file} cannot be read: {error}") from error
    if kept is None:
        return edge
    if kept.origin != seal.origin(name, tree):
        if not _was_left(kept, tree.epoch):
            raise Refused(META, f"The database seals as {seal.origin(name, tree)}, and {kept.origin} was published.")
    elif kept.size > edge.size:
        raise Refused(META, f"The database has gone back: {kept.size} checkpoints were published, it has {edge.size}.")
    elif kept.root != edge.root() and ((old := _edge(tree, kept.size)) is None or old.root() != kept.root):
        raise Refused(META, f"The {kept.size} checkpoints that were published are not those of the database.")
    return edge


def _was_left(kept: Checkpoint, epoch: int) -> bool:
    """Whether the epoch was begun by someone who knew of what was published."""
    record = json.loads(seal.record(epoch))
    known = [Checkpoint.parse(each) for each in (record["published"], record["found"]) if each]
    return any(kept.origin == each.origin and kept.size <= each.size for each in known)


def _edge(tree: Tree, size: int) -> Edge | None:
    """The right edge of a tree; None when something of it is missing."""
    try:
        return edge_of(tree, size)
    except ValueError:
        return None


def _write(made: Sequence[Made], meta: Made, first: int) -> None:
    for each in SIGNING_KEYS.publics()[:1]:
        db.session.execute(KEY, each._asdict())
    tiles = [(one.tree, tile) for one in (*made, meta) for tile in one.tiles]
    if tiles:
        values = {
            "organisations": [tree.organisation_id for tree, _ in tiles],
            "levels": [tile.level for _, tile in tiles],
            "positions": [tile.position for _, tile in tiles],
            "roots": [tile.root for _, tile in tiles],
            "hashes": [tile.hashes for _, tile in tiles],
        }
        db.session.execute(TILES, {**values, "epoch": meta.tree.epoch})
    every = [*made, meta]
    values = {
        "organisations": [each.tree.organisation_id for each in every],
        "sizes": [each.size for each in every],
        "indexes": [*range(first, first + len(made)), None],
        "roots": [each.root for each in every],
        "notes": [each.note for each in every],
    }
    db.session.execute(CHECKPOINTS, {**values, "epoch": meta.tree.epoch})


def _publish(file: Path, tree: Tree) -> None:
    """Keep the last checkpoint of all outside of the database, as it is read from there once it is committed.

    Raises Refused when that cannot be: who goes on would have nothing to compare with.
    """
    last = seal.last_of(tree)
    try:
        if last and last.note != published.read(file):
            published.write(file, last.note)
    except OSError as error:
        raise Refused(META, f"The last checkpoint cannot be written to {file}: {error.strerror}.") from error


def _refuse(error: Refused, now: datetime) -> None:
    log.error("not sealed (organisation %s): %s", error.organisation_id, error)
    values = {"organisation": error.organisation_id, "reason": str(error)[:REASON_MOST], "now": now}
    db.session.execute(REFUSE, values)


def _behind(refused: set[int]) -> Sequence[Any]:
    return read(BEHIND, {"refused": list(refused), "most": ORGANISATIONS_MOST})


ONE_SEALER = text("SELECT pg_try_advisory_xact_lock(:lock)")
WAIT = text("SELECT pg_advisory_xact_lock(:lock)")
# Looks at the last checkpoint of every organisation, by its key.
UNSEALED = """
    SELECT head.organisation_id, COALESCE(sealed.size, 0), head.last_number
      FROM activity_heads AS head
      LEFT JOIN LATERAL (
           SELECT size FROM activity_checkpoints AS checkpoint
            WHERE checkpoint.organisation_id = head.organisation_id
              AND epoch = (SELECT max(epoch) FROM activity_epochs) ORDER BY size DESC LIMIT 1) AS sealed ON true
     WHERE head.last_number > COALESCE(sealed.size, 0)
"""
# Those with little first: a long backlog of one holds up nobody else's few.
BEHIND = text(f"""
    {UNSEALED} AND head.organisation_id <> ALL(CAST(:refused AS integer[]))
     ORDER BY head.last_number - COALESCE(sealed.size, 0), head.organisation_id LIMIT :most
""")
BEGIN = text("INSERT INTO activity_epochs (epoch, leaf) VALUES (:epoch, :leaf) ON CONFLICT DO NOTHING")
KEY = text("INSERT INTO activity_keys (id, public) VALUES (:id, :public) ON CONFLICT DO NOTHING")
TILES = text("""
    INSERT INTO activity_tiles (organisation_id, epoch, level, index, root, hashes)
    SELECT organisation_id, :epoch, level, index, root, hashes
      FROM unnest(CAST(:organisations AS integer[]), CAST(:levels AS smallint[]), CAST(:positions AS bigint[]),
                  CAST(:roots AS bytea[]), CAST(:hashes AS bytea[]))
           AS each (organisation_id, level, index, root, hashes)
""")
CHECKPOINTS = text("""
    INSERT INTO activity_checkpoints (organisation_id, epoch, size, meta_index, root, note)
    SELECT organisation_id, :epoch, size, meta_index, root, note
      FROM unnest(CAST(:organisations AS integer[]), CAST(:sizes AS bigint[]), CAST(:indexes AS bigint[]),
                  CAST(:roots AS bytea[]), CAST(:notes AS text[]))
           AS each (organisation_id, size, meta_index, root, note)
""")
REFUSE = text("""
    INSERT INTO seal_refusals (organisation_id, refused_at, reason) VALUES (:organisation, :now, :reason)
        ON CONFLICT (organisation_id) DO UPDATE SET reason = :reason,
           refused_at = CASE WHEN seal_refusals.reason IS NULL THEN :now ELSE seal_refusals.refused_at END
""")
RESUME = text("""
    UPDATE seal_refusals SET reason = NULL
     WHERE organisation_id = ANY(CAST(:organisations AS integer[])) AND reason IS NOT NULL
""")
