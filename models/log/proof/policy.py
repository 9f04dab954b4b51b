"""Policies: which logs and witnesses a reader of checkpoints relies on, and how many of them must have signed.

Specification: c2sp.org/tlog-policy. tests/models/proof/test_policy.py reads the policy that it prints. Witnesses whose
keys are not Ed25519 are refused.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Self

from models.log.proof.checkpoint import Checkpoint, cosigned_at
from models.log.proof.note import COSIGNATURE, ED25519, BadNote, Note, Verifier, plain_number

NONE = "none"
BLANKS = re.compile(r"[ \t]+")
# Tabs and line ends are the only control characters of a policy.
FORBIDDEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class BadPolicy(ValueError):
    """What is not a policy; the message names the line."""


class Log(NamedTuple):
    """A log whose checkpoints are accepted."""

    verifier: Verifier
    url: str | None


class Witness(NamedTuple):
    """Who may cosign."""

    verifier: Verifier
    url: str | None
    """Its submission prefix; readers need none."""


class Group(NamedTuple):
    """So many of these must have cosigned."""

    least: int
    members: Sequence[str]


class Policy(NamedTuple):
    """What makes a checkpoint valid."""

    logs: Sequence[Log]
    witnesses: Mapping[str, Witness]
    groups: Mapping[str, Group]
    quorum: str
    """The name of a witness or of a group; NONE where no cosignature is asked for."""

    @classmethod
    def parse(cls, written: str) -> Self:
        """Reads a policy. Raises BadPolicy."""
        reading = _Reading()
        # Not splitlines, which also takes other characters for line ends.
        for number, line in enumerate(written.split("\n"), 1):
            words = BLANKS.split(line.strip(" \t"))
            try:
                if FORBIDDEN.search(line):
                    raise BadPolicy("a control character")
                if words[0] and not words[0].startswith("#"):
                    reading.take(*words)
            except ValueError as error:
                raise BadPolicy(f"line {number}: {error}") from error
        if reading.quorum is None:
            raise BadPolicy("it has no line with a quorum")
        return cls(tuple(reading.logs), reading.witnesses, reading.groups, reading.quorum)

    def witnessed(self, note: Note) -> dict[str, int]:
        """Returns when each witness has cosigned, in seconds since 1970.

        Raises BadNote when a line bears the name and the id of a witness and is not its cosignature.
        """
        found = {name: cosigned_at(note, each.verifier) for name, each in self.witnesses.items()}
        return {name: seconds for name, seconds in found.items() if seconds is not None}

    def has_quorum(self, names: Iterable[str]) -> bool:
        """Whether cosignatures of these witnesses are enough."""
        agreed = set(names)

        def agrees(name: str) -> bool:
            group = self.groups.get(name)
            return name in agreed if group is None else sum(map(agrees, group.members)) >= group.least

        return self.quorum == NONE or agrees(self.quorum)


def satisfied(note: Note, policy: Policy) -> bool:
    """Whether a checkpoint is signed by one of the logs, if the policy names any, and cosigned by a quorum.

    Raises BadNote when a line bears the name and the id of a known key and is not its signature.
    """
    signed = note.verified_by(each.verifier for each in policy.logs)
    if policy.logs and Checkpoint.parse(note.text).origin not in {each.name for each in signed}:
        return False
    return policy.has_quorum(policy.witnessed(note))


class _Reading:
    """What the lines so far have said."""

    def __init__(self) -> None:
        self.logs: list[Log] = []
        self.witnesses: dict[str, Witness] = {}
        self.groups: dict[str, Group] = {}
        self.quorum: str | None = None
        self._members: set[str] = set()

    def take(self, word: str, *rest: str) -> None:
        """Raises ValueError with what is wrong with the line."""
        match word, rest:
            case "log", [key, *url] if len(url) <= 1:
                verifier = _key(key, ED25519, [each.verifier for each in self.logs])
                self.logs.append(Log(verifier, next(iter(url), None)))
            case "witness", [name, key, *url] if len(url) <= 1:
                verifier = _key(key, COSIGNATURE, [each.verifier for each in self.witnesses.values()])
                self.witnesses[self._new(name)] = Witness(verifier, next(iter(url), None))
            case "group", [name, least, *members] if members:
                self.groups[self._new(name)] = self._group(least, members)
            case "quorum", [name] if self.quorum is None:
                self.quorum = name if name == NONE else self._known(name)
            case _:
                raise BadPolicy(f"not a line of a policy, or a second quorum: {word[:80]!r}")

    def _group(self, least: str, members: Sequence[str]) -> Group:
        for each in members:
            # So that a witness counts once, and in one way.
            if self._known(each) in self._members:
                raise BadPolicy(f"{each} is a member twice")
            self._members.add(each)
        found = {"any": 1, "all": len(members)}.get(least) or plain_number(least)
        if not 1 <= found <= len(members):
            raise BadPolicy(f"{least} of {len(members)} can never be")
        return Group(found, tuple(members))

    def _new(self, name: str) -> str:
        if name == NONE or name in self.witnesses or name in self.groups:
            raise BadPolicy(f"the name {name} is taken")
        return name

    def _known(self, name: str) -> str:
        if name not in self.witnesses and name not in self.groups:
            raise BadPolicy(f"no line before names {name}")
        return name


def _key(written: str, wanted: int, known: Sequence[Verifier]) -> Verifier:
    try:
        found = Verifier.parse(written)
    except BadNote as error:
        raise BadPolicy(str(error)) from error
    if found.type != wanted:
        raise BadPolicy(f"the key of {found.name} is of another type")
    if found.public in [each.public for each in known]:
        raise BadPolicy(f"the key of {found.name} is there twice")
    return found
