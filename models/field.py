"""What a field may hold, what it is called, and how the log may speak of it: one declaration a field.

The form, its validation and the log's diff all derive from it (docs/architecture.md, "A kind is declared").
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, NamedTuple

from sqlalchemy.orm import MappedColumn, mapped_column

from models.errors import Invalid
from models.length import Length
from models.numbers import whole_number

NAME_MOST = 77
HANDLE_MOST = 51
# Of what has no limit of its own: a number, one of a list, a short text with a pattern.
SHORT_MOST = 200
# Linux starts no program with a variable above 128 KiB (execve(2), MAX_ARG_STRLEN), its name and a zero byte included.
VARIABLE_MOST_BYTES = 131_000
HANDLE = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
# Addresses such as /orgs/new come before a handle of that name.
RESERVED_HANDLES = frozenset({"new"})
# Embeddings, overrides and isolates (Unicode TR9), line and paragraph separators.
BIDIRECTIONAL = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029"
# Default_Ignorable_Code_Point (Unicode's DerivedCoreProperties.txt) and the empty pattern of Braille: drawn as nothing.
IGNORABLE = (
    (0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F),
    (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x2800, 0x2800), (0x3164, 0x3164), (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip
# Within some scripts and emoji these say how their neighbours are drawn; beside Latin, Greek or Cyrillic, nothing.
JOINING = "\u200c\u200d\ufe0e\ufe0f"


class Shape(StrEnum):
    """How a field is typed in."""

    TEXT = "text"
    HANDLE = "handle"
    NUMBER = "number"
    CHOICE = "choice"
    LINES = "lines"
    SECRET = "secret"  # noqa: S105 (no value)
    REFERENCE = "reference"
    REFERENCES = "references"


class Logged(Enum):
    """What an entry may say of a field: its old and new value, or only that it changed."""

    VALUE = "value"
    FACT = "fact"


class Proposal(NamedTuple):
    """A value that is proposed for a field, and what it is usual for."""

    value: Any
    usual_for: str


@dataclass(frozen=True)
class Field:
    """The declaration of one field; forms and verbs both have `check` judge its values."""

    label: str
    shape: Shape = Shape.TEXT
    logged: Logged = Logged.VALUE
    least: int | None = None
    most: int | None = None
    """Of a number, its largest value; of a text, how many characters it may have."""
    most_bytes: int | None = None
    default: Any = None
    choices: Sequence[int] = ()
    required: bool = True
    pattern: str | None = None
    complaint: str = ""
    hint: str = ""
    hint_to_edit: str | None = None
    """The hint where there is something stored already; None: the same."""
    proposed_from: str = ""
    """The field on which a proposal depends; a form may then leave this one empty, and gets what is proposed."""
    proposed: Callable[[str], Proposal | None] | None = None
    """Returns what is proposed, given the other field as it is typed; None where nothing is known."""
    refers_to: str = ""
    """The plural of the kind whose handles it holds."""
    grouped: bool = True
    """Whether commas group the digits of its numbers, as they do not in a year."""
    fixed: bool = False
    """Whether it is given at creation and never changes."""
    single_line: bool = False
    """Whether a value that is never shown is typed in one line, as a password is."""
    masked: Callable[[str], str] | None = None
    """What a form shows instead of the stored value; None: the value itself."""

    @property
    def length(self) -> Length:
        """How long it may be where it is typed; each of them, where it holds several."""
        match self.shape:
            case Shape.NUMBER | Shape.CHOICE:
                return Length(SHORT_MOST)
            case Shape.HANDLE | Shape.REFERENCE | Shape.REFERENCES:
                return Length(HANDLE_MOST)
            case _:
                return Length(SHORT_MOST if self.most is None else self.most, self.most_bytes)

    def shown(self, stored: Any) -> Any:
        """Returns what a form shows of the stored value."""
        return self.masked(stored) if self.masked else stored

    def check(self, value: Any) -> Any:
        """Returns the value to store. Raises Invalid with a sentence that says what to do."""
        if isinstance(value, str) and (complaint := self.length.complaint(self.label, value)):
            raise Invalid(complaint)
        match self.shape:
            case Shape.NUMBER:
                return self._number(value)
            case Shape.CHOICE:
                return self._choice(value)
            case Shape.REFERENCES:
                return sorted({Field("Handle", Shape.HANDLE).check(each) for each in value or ()})
            case Shape.HANDLE:
                return self._handle(value)
            case Shape.REFERENCE:
                return self._handle(value) if value else None
            case _:
                return self._text(value)

    def _text(self, value: object) -> str:
        if not isinstance(value, str):
            raise Invalid(f"{self.label} must be text.")
        several_lines = self.shape in (Shape.LINES, Shape.SECRET)
        # Blanks around a name say nothing; in what is sealed or at the end of a line they may be what matters.
        value = value if several_lines else value.strip()
        if not value or (self.shape is Shape.LINES and value.isspace()):
            if self.required:
                raise Invalid(f"Enter {self._article()}.")
            return ""
        if any(_is_control(each, several_lines) for each in value):
            raise Invalid(f"{self.label} contains a control character; remove it.")
        if self.shape is Shape.TEXT:
            self._require_visible(value)
        if self.pattern and not re.fullmatch(self.pattern, value):
            raise Invalid(self.complaint)
        return value

    def _require_visible(self, value: str) -> None:
        if all(unicodedata.category(each)[0] in "CZ" or is_ignorable(each) for each in value):
            raise Invalid(f"Enter {self._article()}.")  # nobody would see it in the log
        if any(is_ignorable(each) and not _joins(value[at - 1 : at], each) for at, each in enumerate(value)):
            raise Invalid(f"{self.label} contains a character that nobody sees; remove it.")

    def _handle(self, value: object) -> str:
        if not isinstance(value, str) or not value.strip():
            raise Invalid("Enter a handle.")
        value = value.strip()
        if not HANDLE.fullmatch(value):
            raise Invalid("Use lower-case letters, digits and hyphens; begin and end with a letter or digit.")
        if value in RESERVED_HANDLES:
            raise Invalid(f"“{value}” is reserved; choose another handle.")
        return value

    def _number(self, value: Any) -> int:
        written = str(value).strip()  # as text: int(1.5) would be 1
        digits = written.removeprefix("-")
        try:
            number = whole_number(digits) if digits == written else -whole_number(digits)
        except ValueError:
            raise Invalid(f"{self.label} must be a whole number.") from None
        if (self.least is not None and number < self.least) or (self.most is not None and number > self.most):
            grouping = "," if self.grouped else ""
            raise Invalid(f"{self.label} must be from {self.least:{grouping}} to {self.most:{grouping}}.")
        return number

    def _choice(self, value: Any) -> int:
        if str(value) not in map(str, self.choices):
            raise Invalid(f"Choose one of {', '.join(map(str, self.choices))}.")
        return int(value)

    def _article(self) -> str:
        label = self.label if self.label.isupper() else self.label[0].lower() + self.label[1:]
        return f"{'an' if label[0] in 'aeiou' else 'a'} {label}"


def proposal(fields: Mapping[str, Field], name: str, typed: Mapping[str, Any]) -> Proposal | None:
    """Returns what is proposed for a field, given what is typed; nothing looks into what is too long."""
    declared = fields[name]
    if declared.proposed is None:
        return None
    source = fields[declared.proposed_from]
    given = str(typed.get(declared.proposed_from) or "")
    return None if source.length.complaint(source.label, given) else declared.proposed(given)


def column(type_: Any, declared: Field, **options: Any) -> MappedColumn[Any]:
    """Returns a column that carries the declaration of its field."""
    return mapped_column(type_, info={"field": declared}, **options)


def _is_control(character: str, several_lines: bool) -> bool:
    if several_lines and character in "\n\r\t":
        return False
    # Bidirectional controls would let a name pass for another one in the log.
    return unicodedata.category(character) in ("Cc", "Cs") or character in BIDIRECTIONAL


def is_ignorable(character: str) -> bool:
    """Whether the character is drawn as nothing."""
    return any(first <= ord(character) <= last for first, last in IGNORABLE)


def _joins(before: str, character: str) -> bool:
    scripts = ("LATIN", "GREEK", "CYRILLIC")
    plain = before.isascii() or unicodedata.name(before, "").startswith(scripts)
    return character in JOINING and bool(before) and not plain
