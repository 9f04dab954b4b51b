"""What is wrong with a log: a finding names the organisation and the entries, and says how bad it is."""

import json
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, NamedTuple


class Verdict(StrEnum):
    """What a finding says of the log."""

    TAMPERED = "tampered"
    """It contradicts itself."""
    GONE_BACK = "gone back"
    """It contradicts a checkpoint that was kept elsewhere."""
    UNKNOWN = "unknown"
    """Something that was asked for cannot be told."""


EXIT = {Verdict.TAMPERED: 1, Verdict.GONE_BACK: 3, Verdict.UNKNOWN: 4}


class Finding(NamedTuple):
    """Something that is not as it must be."""

    verdict: Verdict
    organisation: int | None
    """None where it is about all of them."""
    says: str
    number: int | None = None
    """The entry, or the first one, that it is about."""
    until: int | None = None
    """The last one where there may be several."""

    def __str__(self) -> str:
        """Writes it as one line of JSON."""
        told: dict[str, Any] = {"organisation": self.organisation, "number": self.number}
        if self.until not in (None, self.number):
            told["until"] = self.until
        return json.dumps({**told, "verdict": self.verdict, "says": self.says}, ensure_ascii=False)


def exit_code(verdicts: Iterable[Verdict]) -> int:
    """Returns the status that a command ends with: that of the worst of them, 0 when there are none."""
    return min((EXIT[each] for each in verdicts), default=0)
