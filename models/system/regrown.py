"""A tree of the log that grows again from its leaves, compared with the tiles and checkpoints that are kept of it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import text

from models.database import read
from models.log.proof.checkpoint import Checkpoint
from models.log.proof.edge import Edge, FullTile
from models.log.proof.finding import Finding, Verdict
from models.log.proof.note import BadNote, Note, Verifier
from models.log.proof.tiles import WIDTH
from models.log.proof.tree import HASH_BYTES, complete_root
from models.log.trees import META

NOTHING = bytes(HASH_BYTES)


class Kept(NamedTuple):
    """A checkpoint as its row has it."""

    epoch: int
    size: int
    root: bytes
    note: str


class Regrown:
    """Grows by some leaves at a time; all that it finds names them by their numbers, from 1."""

    def __init__(
        self, organisation_id: int, epochs: Sequence[int], installation: str, trusted: Sequence[bytes], edge: Edge
    ) -> None:
        self._organisation_id = organisation_id
        self._epochs = list(epochs)
        self._installation = installation
        self._trusted = trusted
        self._publics: list[bytes] = []
        self._edge = edge
        self._good = edge.size
        self._parted = False
        self._pinned = 0
        # Read before the leaves are, so that what is sealed meanwhile is not missed in what was read.
        self._sealed = dict(tuple(each) for each in read(SEALED, self._scope))

    @property
    def size(self) -> int:
        """How many leaves it has."""
        return self._edge.size

    def grow(self, hashes: Sequence[bytes | None], pins: Mapping[int, Sequence[bytes]]) -> Iterator[Finding]:
        """Add leaves, None where one is missing; yields where they are not what was sealed, or what was pinned.

        They begin at a whole tile, and end at one unless they are the last.
        """
        first, end = self.size, self.size + len(hashes)
        bad = self._compared(first, hashes)
        yield from self._told(bad)
        known = [bad.get(first + place + 1) or found or NOTHING for place, found in enumerate(hashes)]
        kept: dict[int, list[Kept]] = defaultdict(list)
        for each in read(CHECKPOINTS, {**self._scope, "first": first, "end": end}):
            kept[each[1]].append(Kept(*each))
        # Read after the checkpoints are, of which one may be the first that a new key has signed.
        self._publics = [*self._trusted, *(bytes(public) for (public,) in read(KEYS, {}))] if kept else []
        made: list[FullTile] = []
        for size in sorted({*kept, *(each for each in pins if first < each <= end), end}):
            made += self._edge.extend(known[self.size - first : size - first])
            yield from self._checked(kept[size], size, bad)
            if any(pinned != self._edge.root() for pinned in pins.get(size, ())):
                says = f"What is there up to {size} is not what the kept checkpoint is of."
                yield self._finding(says, self._pinned + 1, size, Verdict.GONE_BACK)
            elif size in pins:
                self._pinned = size
        yield from self._above(made)

    def beyond(self) -> Iterator[Finding]:
        """Yields what is kept of leaves that are not there."""
        last = max(self._sealed.values(), default=0)
        if last > self.size:
            says = f"It was sealed up to {last}, and ends at {self.size}."
            yield self._finding(says, self.size + 1, last)

    def _compared(self, first: int, hashes: Sequence[bytes | None]) -> dict[int, bytes]:
        """The numbers of the leaves that are not those of a tile, and what to go on with: what was sealed, if known."""
        # Of what was not sealed yet, nobody has said what it should be.
        gone = [first + place + 1 for place, found in enumerate(hashes) if found is None]
        bad = {number: NOTHING for number in gone if number <= max(self._sealed.values(), default=0)}
        values = {**self._scope, "first": first // WIDTH, "end": -(-(first + len(hashes)) // WIDTH)}
        for index, root, stored in read(LEAF_TILES, values):
            begin = index * WIDTH - first
            mine = hashes[begin : begin + WIDTH]
            if None not in mine and b"".join(each for each in mine if each) == stored:
                continue
            sealed = [bytes(stored[at : at + HASH_BYTES]) for at in range(0, len(stored), HASH_BYTES)]
            # Where the tile itself was changed, what is made of the entries is the better guess.
            is_whole = complete_root(sealed) == bytes(root)
            for place, (theirs, own) in enumerate(zip(sealed, mine, strict=False)):
                if theirs != own:
                    bad[first + begin + place + 1] = theirs if is_whole else own or NOTHING
        return bad

    def _told(self, bad: Mapping[int, bytes]) -> Iterator[Finding]:
        """A finding for each stretch of numbers."""
        numbers = sorted(bad)
        begin = 0
        for place, number in enumerate(numbers):
            if place + 1 == len(numbers) or numbers[place + 1] != number + 1:
                yield self._finding("What is there is not what was sealed.", numbers[begin], number)
                begin = place + 1

    def _checked(self, kept: Sequence[Kept], size: int, bad: Mapping[int, bytes]) -> Iterator[Finding]:
        for each in kept:
            wrong = self._signed(each)
            if wrong:
                yield self._finding(f"The checkpoint at {size} of epoch {each.epoch} is not good: {wrong}.", size)
        if not kept or self._parted:
            return
        if all(each.root == self._edge.root() for each in kept):
            self._good = size
            return
        # Everything behind it is another tree too: the first one says where.
        self._parted = True
        if not any(self._good < number <= size for number in bad):
            says = f"What is there is not what the checkpoint at {size} is of; up to {self._good} it was."
            yield self._finding(says, self._good + 1, size)

    def _signed(self, kept: Kept) -> str | None:
        """What is wrong with the note, its signature apart from the root."""
        origin = f"{self._installation}/{self._organisation_id or 'meta'}/{kept.epoch}"
        try:
            note = Note.parse(kept.note)
            told = Checkpoint.parse(note.text)
            if not note.verified_by(Verifier(origin, each) for each in self._publics):
                return "no key that is known has signed it"
        except BadNote as error:
            return str(error)
        if (told.origin, told.size, told.root) != (origin, kept.size, bytes(kept.root)):
            return "its text is of something else"
        return None

    def _above(self, made: Sequence[FullTile]) -> Iterator[Finding]:
        """Compares the tiles that were filled with those of every epoch, which has them as far as it is sealed."""
        if not made:
            return
        places = {(each.level, each.position): each for each in made}
        levels, positions = zip(*places, strict=True)
        stored = set()
        for epoch, level, index, root, hashes in read(
            TILES, {**self._scope, "levels": list(levels), "positions": list(positions)}
        ):
            stored.add((epoch, level, index))
            mine = places[level, index]
            # Those of the leaves were compared one by one.
            is_good = root == mine.root and (level == 0 or hashes == mine.hashes)
            if not is_good and not self._parted:
                width = WIDTH ** (level + 1)
                says = f"The tile {index} of level {level} of epoch {epoch} is not that of what is there."
                yield self._finding(says, index * width + 1, (index + 1) * width)
        for epoch, sealed in self._sealed.items():
            for each in made:
                width = WIDTH ** (each.level + 1)
                if (each.position + 1) * width <= sealed and (epoch, each.level, each.position) not in stored:
                    says = f"The tile {each.position} of level {each.level} of epoch {epoch} is missing."
                    yield self._finding(says, each.position * width + 1, (each.position + 1) * width)

    def _finding(self, says: str, first: int, last: int | None = None, how: Verdict = Verdict.TAMPERED) -> Finding:
        if self._organisation_id == META:
            return Finding(how, None, f"In the installation's own log, from {first - 1}: {says}")
        return Finding(how, self._organisation_id, says, first, last)

    @property
    def _scope(self) -> dict[str, object]:
        return {"organisation": self._organisation_id, "epochs": self._epochs}


OF_TREE = "organisation_id = :organisation AND epoch = ANY(CAST(:epochs AS integer[]))"
CHECKPOINTS = text(f"""
    SELECT epoch, size, root, note FROM activity_checkpoints WHERE {OF_TREE} AND size > :first AND size <= :end
""")
# The newest epoch last: what it has sealed is what goes on.
LEAF_TILES = text(f"""
    SELECT index, root, hashes FROM activity_tiles
     WHERE {OF_TREE} AND level = 0 AND index >= :first AND index < :end ORDER BY epoch
""")
TILES = text(f"""
    SELECT epoch, level, index, root, CASE WHEN level > 0 THEN hashes END AS hashes
      FROM unnest(CAST(:levels AS smallint[]), CAST(:positions AS bigint[])) AS wanted (level, index)
      JOIN activity_tiles USING (level, index) WHERE {OF_TREE}
""")
KEYS = text("SELECT public FROM activity_keys")
SEALED = text(f"SELECT epoch, max(size) FROM activity_checkpoints WHERE {OF_TREE} GROUP BY epoch")
