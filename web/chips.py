"""The chip of an entry: what happened, in one word, read from the sentence that the log keeps.

Four actions are too few to tell a suspension from a rename. The sentence knows more than its action, and is all that
old entries have of it.
"""

import re
from typing import NamedTuple

from models.log.record import PAST, Action

FAILED = "failed"


class Chip(NamedTuple):
    """A word, and the tone it is shown in: `action-<tone>` in static/css/chips.css."""

    word: str
    tone: str

    @property
    def icon(self) -> str | None:
        """What is drawn before the word: colour alone tells nobody that something failed."""
        return "warning" if self.tone == FAILED else None


# What begins the rest of a sentence, behind the name it is about. The first that fits counts.
SAID: tuple[tuple[str, Chip], ...] = (
    (r" created\b", Chip("Created", "create")),
    (r" added\b", Chip("Added", "create")),
    (r" as \w+ sent$", Chip("Sent", "create")),
    (r" updated\b", Chip("Updated", "update")),
    (r" renamed to ", Chip("Renamed", "update")),
    (r" restored to entry #", Chip("Restored", "update")),
    (r"'s role changed ", Chip("Role changed", "update")),
    (r"'s email address changed", Chip("Email changed", "update")),
    (r" made the default$", Chip("Made default", "update")),
    (r": automatic top-up turned on$", Chip("Turned on", "update")),
    (r": automatic top-up turned off$", Chip("Turned off", "update")),
    (r": automatic top-up settings changed$", Chip("Updated", "update")),
    (r" sent again$", Chip("Sent again", "asked")),
    (r" to be deployed again$", Chip("To deploy", "asked")),
    (r" deployed ", Chip("Deployed", "well")),
    (r" is up again\b", Chip("Up again", "well")),
    (r" has recovered after ", Chip("Recovered", "well")),
    (r" resumed", Chip("Resumed", "well")),
    (r" topped up by ", Chip("Topped up", "money")),
    (r" failed to deploy: ", Chip("Failed", FAILED)),
    (r" is (?:partly )?down: ", Chip("Down", FAILED)),
    (r" began to fail: ", Chip("Failing", FAILED)),
    (r" had an instance on the engine ", Chip("Stray", FAILED)),
    (r" declined .*: ", Chip("Declined", FAILED)),
    (r" suspended", Chip("Suspended", "held")),
    (r" expired$", Chip("Expired", "held")),
    (r" deleted$", Chip("Deleted", "delete")),
    (r" removed$", Chip("Removed", "delete")),
    (r" from now on$", Chip("Erased", "delete")),
    (r" revoked$", Chip("Revoked", "delete")),
    (r" declined$", Chip("Declined", "delete")),
    (r" terminated$", Chip("Terminated", "terminate")),
    (r" cleaned up: ", Chip("Cleaned up", "terminate")),
)
RULES = tuple((re.compile(begins, re.DOTALL), chip) for begins, chip in SAID)
# What stands before the name; every other sentence begins with its noun.
BEFORE = {
    "billing": ("Payment method ", ""),
    "invitation": ("Invitation of ", "Personal data of an invited person erased: "),
    "user": ("User ", "Personal data of a former member erased: "),
}


def chip_of(summary: str, noun: str, name: str, action: str) -> Chip:
    """Returns the chip of a sentence; for one that nobody has taught us, that of its action."""
    after = _after(summary, noun, name)
    for begins, chip in RULES:
        if begins.match(after):
            return chip
    return Chip(PAST[Action(action)].capitalize(), action)


def _after(summary: str, noun: str, name: str) -> str:
    """What a sentence says behind the name, which may itself read like the end of one."""
    for before in BEFORE.get(noun, (f"{noun.capitalize()} ",)):
        if summary.startswith(before + name):
            return summary[len(before) + len(name) :]
    return ""
