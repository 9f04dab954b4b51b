"""Bundles: a file with entries of one organisation, their names, a checkpoint, and all that proves them.

docs/log.md describes the format. Reading one needs the file and a key, and nothing else. The tree is that of RFC 6962
section 2.1, a leaf is canonical JSON (RFC 8785); tests/models/proof/test_bundle.py changes every part of a bundle.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Any, NamedTuple, Self

from models.log.proof.canonical import NotCanonical, canonical
from models.log.proof.checkpoint import Checkpoint
from models.log.proof.finding import Finding, Verdict
from models.log.proof.note import BadNote, Note, Verifier
from models.log.proof.policy import Policy, satisfied
from models.log.proof.tree import Frontier, is_included, leaf_hash
from models.log.proof.trust import META, Origin, opened_by

FORMAT = "activity-log bundle"
VERSION = 1


class BadBundle(ValueError):
    """What is not a bundle at all."""


class InMeta(NamedTuple):
    """That the checkpoint is a leaf of the installation's own log."""

    checkpoint: str
    leaf: int
    """The index of the leaf, from 0."""
    path: Sequence[bytes]


class Header(NamedTuple):
    """The first line: what the bundle holds."""

    organisation: int
    complete: bool
    """Whether it holds every entry up to the checkpoint; otherwise each one comes with a proof of its own."""
    entries: int
    checkpoint: str
    keys: Sequence[str]
    """The verifier keys that its writer knows: a reader needs them from somewhere else to believe them."""
    meta: InMeta | None

    def __str__(self) -> str:
        """Writes the line, without its end."""
        meta = self.meta and {**self.meta._asdict(), "path": _encoded(self.meta.path)}
        told = {"format": FORMAT, "v": VERSION, **self._asdict(), "keys": list(self.keys), "meta": meta}
        return json.dumps(told, ensure_ascii=False)

    @classmethod
    def parse(cls, line: bytes) -> Self:
        """Reads the line. Raises BadBundle."""
        try:
            told = json.loads(line)
            if (told.pop("format"), told.pop("v")) != (FORMAT, VERSION):
                raise BadBundle(f"not version {VERSION} of the format")
            meta = told.pop("meta")
            inside = InMeta(meta["checkpoint"], int(meta["leaf"]), _hashes(meta["path"])) if meta else None
            found = cls(**told, meta=inside)
            return found._replace(organisation=int(found.organisation), entries=int(found.entries))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise BadBundle(f"the first line is not that of a bundle: {error}") from error


def person_line(name: str, salt: bytes, commitment: bytes) -> str:
    """Writes what someone was called, and the salt with which the commitment to it is opened."""
    return json.dumps({"commitment": commitment.hex(), "name": name, "salt": salt.hex()}, ensure_ascii=False)


def path_line(path: Sequence[bytes]) -> str:
    """Writes the proof of the entry in the line before."""
    return json.dumps(_encoded(path))


class BundleCheck:
    """A bundle as it is checked, line by line: no more of it is in memory than one."""

    def __init__(self, keys: Sequence[Verifier], pins: Sequence[str] = (), policy: Policy | None = None) -> None:
        """Takes the keys that are trusted, checkpoints that were kept earlier, and which witnesses must have cosigned.

        Raises BadNote for a bad pin.
        """
        self._keys, self._policy = keys, policy
        self._pins = [Checkpoint.parse(Note.parse(each).text) for each in pins]
        self._sizes: dict[int, bytes] = {}
        self._tree = Frontier()
        self._unused: set[str] = set()
        self.header: Header | None = None
        self.checkpoint: Checkpoint | None = None
        self.in_meta = self.is_cosigned = False
        self.entries = self.names = self.pins_held = 0

    def findings(self, lines: Iterable[bytes]) -> Iterator[Finding]:
        """Yields all that is wrong. Raises BadBundle when it is no bundle."""
        each = iter(lines)
        self.header = header = Header.parse(next(each, b""))
        try:
            self.checkpoint = checkpoint = opened_by(header.checkpoint, self._keys)
        except BadNote as error:
            yield self._wrong(f"Its checkpoint is not good: {error}.")
            return
        origin = Origin.parse(checkpoint.origin)
        if origin is None or origin.log != str(header.organisation):
            yield self._wrong(f"Its checkpoint is of {checkpoint.origin}, not of organisation {header.organisation}.")
            return
        meta = None
        if header.meta:
            try:
                meta = self._meta(header, header.meta, origin)
            except BadNote as error:
                yield self._wrong(f"The checkpoint is not shown to be in the installation's own log: {error}.")
        self.in_meta = meta is not None
        if self._policy:
            yield from self._cosigned(self._policy, header.meta if meta else None)
        for pin in self._pins:
            yield from self._pinned(pin, origin, checkpoint, meta)
        yield from self._body(each, header.complete, checkpoint)
        if self._unused:
            yield self._wrong(f"It names {len(self._unused)} people of whom no entry speaks.")
        if self.entries != header.entries or (header.complete and self.entries != checkpoint.size):
            of = f"{checkpoint.size} up to its checkpoint" if header.complete else f"{header.entries} of its first line"
            yield self._wrong(f"It holds {self.entries} entries, not the {of}.")
        elif header.complete and self._tree.root() != checkpoint.root:
            yield self._wrong("These are not the entries of its checkpoint.", 1, self.entries)

    def _meta(self, header: Header, told: InMeta, origin: Origin) -> Checkpoint:
        """The checkpoint of the installation's own log, of which the other one is a leaf. Raises BadNote."""
        meta = opened_by(told.checkpoint, self._keys)
        if Origin.parse(meta.origin) != origin._replace(log=META):
            raise BadNote(f"{meta.origin} is another log")
        text = Note.parse(header.checkpoint).text.encode()
        if not is_included(leaf_hash(text), told.leaf, meta.size, told.path, meta.root):
            raise BadNote("the proof does not lead to it")
        return meta

    def _cosigned(self, policy: Policy, told: InMeta | None) -> Iterator[Finding]:
        """Witnesses cosign the installation's own log, which has the checkpoints of all organisations."""
        try:
            self.is_cosigned = told is not None and satisfied(Note.parse(told.checkpoint), policy)
        except BadNote as error:
            yield self._wrong(f"The checkpoint of the installation's own log is not good: {error}.")
            return
        if not self.is_cosigned:
            yield self._unknown("No quorum of the policy's witnesses has cosigned the installation's own log.")

    def _pinned(
        self, pin: Checkpoint, origin: Origin, checkpoint: Checkpoint, meta: Checkpoint | None
    ) -> Iterator[Finding]:
        """What can be said at once of a checkpoint that was kept: others are compared as entries are read."""
        of = Origin.parse(pin.origin)
        same = meta if of and of.log == META else checkpoint
        # An epoch begins a new tree of the same entries.
        mine = of and of.installation == origin.installation and of.log in (origin.log, META)
        if not mine or of is None:
            yield self._unknown(f"The kept checkpoint is of another log: {pin.origin}.")
        elif of.log == META and (same is None or (same.origin, same.size) != (pin.origin, pin.size)):
            yield self._unknown(f"Nothing in it leads to the kept checkpoint of {pin.origin} at {pin.size}.")
        elif same is not None and same.size == pin.size:
            if same.root == pin.root:
                self.pins_held += 1
            else:
                yield self._back(f"The checkpoint of {pin.origin} that was kept at {pin.size} is another one.", pin)
        elif checkpoint.size < pin.size:
            yield self._back(
                f"It ends at #{checkpoint.size}, and the checkpoint that was kept was at #{pin.size}.", pin
            )
        elif not self.header or not self.header.complete:
            yield self._unknown(f"Only a complete bundle can be compared with the checkpoint kept at #{pin.size}.")
        elif self._sizes.setdefault(pin.size, pin.root) != pin.root:
            yield self._back(f"Two checkpoints that were kept at #{pin.size} contradict each other.", pin)

    def _body(self, lines: Iterator[bytes], complete: bool, checkpoint: Checkpoint) -> Iterator[Finding]:
        for line in lines:
            told = _read(line)
            if isinstance(told, dict) and "commitment" in told:
                yield from self._person(told)
            elif not isinstance(told, dict):
                yield self._wrong(f"A line behind entry {self.entries} is none of a bundle.")
                return
            else:
                self.entries += 1
                yield from self._entry(told, line.removesuffix(b"\n"), complete)
                if complete:
                    yield from self._grown(line.removesuffix(b"\n"))
                else:
                    yield from self._proven(told, line.removesuffix(b"\n"), next(lines, b""), checkpoint)

    def _person(self, told: dict[str, Any]) -> Iterator[Finding]:
        self.names += 1
        try:
            salt = bytes.fromhex(told["salt"])
            if salt.hex() != told["salt"]:  # `fromhex` takes capitals and blanks too
                raise ValueError
            made = sha256(salt + told["name"].encode()).hexdigest()
        except (ValueError, TypeError, KeyError, AttributeError):
            made = None
        self._unused.add(str(told["commitment"]))
        if made != told["commitment"]:
            yield self._wrong(f"The name {str(told.get('name'))[:80]!r} is not what the entries have committed to.")

    def _entry(self, told: dict[str, Any], line: bytes, complete: bool) -> Iterator[Finding]:
        """What must be so of any leaf, whatever it hashes to."""
        header, number = self.header, told.get("number")
        assert header is not None
        people = told.get("people")
        self._unused.difference_update(map(str, [told.get("actor"), *(people if isinstance(people, list) else [])]))
        try:
            is_canonical = canonical(told) == line
        except NotCanonical:
            is_canonical = False
        where = number if isinstance(number, int) else None
        if not is_canonical:
            yield self._wrong("An entry is not in canonical form.", where)
        if told.get("organisation") != header.organisation:
            yield self._wrong(f"An entry is of organisation {told.get('organisation')}.", where)
        if complete and number != self.entries:
            yield self._wrong(f"An entry is numbered {number} where {self.entries} comes.", where)

    def _grown(self, leaf: bytes) -> Iterator[Finding]:
        self._tree.append(leaf_hash(leaf))
        pinned = self._sizes.get(self._tree.size)
        if pinned is None:
            return
        if pinned == self._tree.root():
            self.pins_held += 1
        else:
            says = f"The entries up to #{self._tree.size} are not those of the checkpoint that was kept."
            yield Finding(Verdict.GONE_BACK, self._organisation, says, 1, self._tree.size)

    def _proven(self, told: dict[str, Any], leaf: bytes, line: bytes, checkpoint: Checkpoint) -> Iterator[Finding]:
        number = told.get("number")
        try:
            path = _hashes(_read(line))
        except (ValueError, TypeError):
            path = None
        index = number - 1 if isinstance(number, int) else -1
        if path is None or not is_included(leaf_hash(leaf), index, checkpoint.size, path, checkpoint.root):
            yield self._wrong("An entry is not shown to be in the log.", number if isinstance(number, int) else None)

    @property
    def _organisation(self) -> int | None:
        return self.header.organisation if self.header else None

    def _wrong(self, says: str, number: int | None = None, until: int | None = None) -> Finding:
        return Finding(Verdict.TAMPERED, self._organisation, says, number, until)

    def _back(self, says: str, pin: Checkpoint) -> Finding:
        return Finding(Verdict.GONE_BACK, self._organisation, says, 1, pin.size)

    def _unknown(self, says: str) -> Finding:
        return Finding(Verdict.UNKNOWN, self._organisation, says)


def _read(line: bytes) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _encoded(path: Sequence[bytes]) -> list[str]:
    return [b64encode(each).decode() for each in path]


def _hashes(path: list[str]) -> list[bytes]:
    found = [b64decode(each, validate=True) for each in path]
    if _encoded(found) != path:  # bits of the last letter that say nothing (RFC 4648 section 3.5)
        raise ValueError
    return found
