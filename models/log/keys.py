"""The keys of a query: what each asks for, and what it may be given."""

from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from functools import cache
from typing import NamedTuple

from models.errors import DomainError
from models.field import HANDLE, HANDLE_MOST
from models.log.actor import SYSTEM_NAME, Door
from models.log.moments import ALLOWED, describe_at, parse_at
from models.log.record import PAST, Action
from models.log.tracked import Tracked
from models.numbers import whole_number

ME = "me"
NUMBER_MOST = 2**63 - 2
PREFIX = "*"
# What entries say has changed although nobody types it into a declared field.
UNDECLARED = (
    *("amount_cents", "auto_top_up", "balance_cents", "clean_up", "declined", "default", "deployed_revision"),
    *("email_address", "expires", "image_digest", "name", "reason", "restores", "role", "state", "threshold_cents"),
)
CLOSE = 3


class BadQuery(DomainError):
    """A term that cannot be searched for: which, why, and what is allowed instead."""

    field = "q"

    def __init__(self, term: str, why: str, allowed: Sequence[str] = ()) -> None:
        # What it was typed with may be nothing that a page can show, such as half a character.
        term = "".join(each if each.isprintable() else "\ufffd" for each in term)
        told = f" Allowed: {', '.join(allowed)}." if allowed else ""
        super().__init__(f"“{term}”: {why}{told}" if term else f"{why}{told}")
        self.term = term
        self.why = why
        self.allowed = tuple(allowed)


class Key(NamedTuple):
    """One key. `check` returns a value in its canonical form, or raises ValueError with a sentence."""

    name: str
    about: str
    """What it asks for, as the documents say it."""
    takes: str
    """What a value may be, as the documents say it."""
    example: str
    check: Callable[[str], str]
    describe: Callable[[Sequence[str], bool], str]
    """Says in English what values, excluded or not, ask for."""
    allowed: Callable[[], Sequence[str]] = tuple
    """What to name when a value is refused."""
    many: bool = False
    """Whether one entry can have several of its values, so that two terms of it can both be true."""

    def checked(self, value: str) -> str:
        """Returns the value in its canonical form. Raises BadQuery."""
        try:
            return self.check(value)
        except ValueError as why:
            raise BadQuery(f"{self.name}:{value}", str(why), self.allowed()) from None


class Bounds(NamedTuple):
    """The numbers that one value of `number:` stands for, from the first to the last."""

    first: int
    last: int


def numbers_of(value: str) -> Bounds:
    """Reads one value of `number:`. Raises ValueError, with a sentence that says what is wrong."""
    first, dots, last = value.partition("..")
    if dots:
        bounds = Bounds(_number(first), _number(last))
        if bounds.first > bounds.last:
            raise ValueError(f"{bounds.last} is before {bounds.first}.")
        return bounds
    sign, written = _compared(value)
    number = _number(written)
    match sign:
        case ">=":
            return Bounds(number, NUMBER_MOST)
        case ">":
            return Bounds(number + 1, NUMBER_MOST)
        case "<=":
            return Bounds(1, number)
        case "<":
            return Bounds(1, number - 1)
    return Bounds(number, number)


@cache
def types() -> tuple[str, ...]:
    """Returns the nouns of all that the log speaks of."""
    return tuple(sorted({cls.noun for cls in _tracked() if "noun" in vars(cls)}))


@cache
def fields() -> tuple[str, ...]:
    """Returns all that an entry may say has changed."""
    declared = {name for cls in _tracked() if hasattr(cls, "__table__") for name in cls.fields()}
    return tuple(sorted({*declared, *UNDECLARED}))


def _tracked(cls: type[Tracked] = Tracked) -> Iterator[type[Tracked]]:
    for each in cls.__subclasses__():
        yield each
        yield from _tracked(each)


def _anyone(value: str) -> str:
    return value.lower() if value.lower() in (ME, SYSTEM_NAME) else value


def _handle(value: str) -> str:
    handle = value.lower()
    if len(handle) > HANDLE_MOST or not HANDLE.fullmatch(handle):
        raise ValueError("A project's handle has lower-case letters, digits and hyphens, as in its address.")
    return handle


def _name(value: str) -> str:
    if not value.strip(PREFIX):
        raise ValueError("Every name begins like this: say with what it begins, such as db-*.")
    return value


def _one_of(named: str, choices: Callable[[], Sequence[str]]) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value.lower() in choices():
            return value.lower()
        close = get_close_matches(value.lower(), choices(), CLOSE)
        raise ValueError(f"There is no such {named}." + (f" Did you mean {_either(close)}?" if close else ""))

    return check


def _compared(value: str) -> tuple[str, str]:
    """A comparison sign, if it begins with one, and the rest."""
    sign = next((each for each in (">=", "<=", ">", "<") if value.startswith(each)), "")
    return sign, value.removeprefix(sign)


def _number(written: str) -> int:
    try:
        number = whole_number(written, NUMBER_MOST)
    except ValueError:
        number = 0
    if not number:
        raise ValueError("Entries are numbered 1, 2, 3 and so on.")
    return number


def _numbers(value: str) -> str:
    bounds = numbers_of(value)
    if ".." in value:
        return str(bounds.first) if bounds.first == bounds.last else f"{bounds.first}..{bounds.last}"
    sign, number = _compared(value)
    return f"{sign}{_number(number)}"


def _at(value: str) -> str:
    return parse_at(value).text


def _cause(value: str) -> str:
    return str(_number(value))


def _either(values: Sequence[str]) -> str:
    return f"{', '.join(values[:-1])} or {values[-1]}" if len(values) > 1 else values[0]


def _told(before: str, excluded: str) -> Callable[[Sequence[str], bool], str]:
    return lambda values, out: f"{excluded if out else before} {_either(values)}"


def _told_actors(values: Sequence[str], excluded: bool) -> str:
    return f"{'not ' if excluded else ''}by {_either(['you' if each == ME else each for each in values])}"


def _told_actions(values: Sequence[str], excluded: bool) -> str:
    done = _either([PAST[Action(each)] for each in values])
    return f"in which {'nothing' if excluded else 'something'} was {done}"


def _told_names(values: Sequence[str], excluded: bool) -> str:
    names = [
        f"anything that begins with “{each.removesuffix(PREFIX)}”" if each.endswith(PREFIX) else f"“{each}”"
        for each in values
    ]
    return f"{'not ' if excluded else ''}about {_either(names)}"


def _told_moments(values: Sequence[str], excluded: bool) -> str:
    return f"{'not ' if excluded else ''}{_either([describe_at(parse_at(each)) for each in values])}"


def _told_numbers(values: Sequence[str], excluded: bool) -> str:
    words = {">=": "{} or above", "<=": "{} or below", ">": "above {}", "<": "below {}"}
    told = []
    for each in values:
        sign, number = _compared(each)
        told.append(words[sign].format(number) if sign else each.replace("..", " to "))
    return f"{'not ' if excluded else ''}numbered {_either(told)}"


def _told_causes(values: Sequence[str], excluded: bool) -> str:
    return f"{'not ' if excluded else ''}because of {_either([f'#{each}' for each in values])}"


KEYS = {
    key.name: key
    for key in (
        Key(
            "actor",
            "who did it",
            "`me`, `system`, an email address, or a name as it was, also of people long gone",
            'actor:"Grace Hopper"',
            _anyone,
            _told_actors,
        ),
        Key(
            "action",
            "what was done",
            "one of the list below",
            "action:delete,terminate",
            _one_of("action", lambda: tuple(Action)),
            _told_actions,
            lambda: tuple(Action),
        ),
        Key(
            "type",
            "to what sort of thing",
            "one of the list below",
            "type:project",
            _one_of("type", types),
            _told("of the type", "not of the type"),
            types,
        ),
        Key(
            "project",
            "in which project",
            "the handle of a project, deleted ones too",
            "project:web",
            _handle,
            _told("in project", "not in project"),
        ),
        Key(
            "resource",
            "to which thing",
            "a name as it was; with `*` at the end, all names that begin so",
            "resource:db-*",
            _name,
            _told_names,
        ),
        Key(
            "changed",
            "which field changed",
            "one of the list below",
            "changed:image",
            _one_of("field", fields),
            _told("that changed", "that did not change"),
            fields,
            many=True,
        ),
        Key(
            "via",
            "how it came in",
            "one of the list below",
            "via:api",
            _one_of("door", lambda: tuple(Door)),
            _told("through", "not through"),
            lambda: tuple(Door),
        ),
        Key(
            "at",
            "when",
            "a year, month, day, hour or minute; two of them with `..` between; one after `>=`, `>`, `<=` or `<`; or "
            "how long ago at most, in `h`, `d` or `w`",
            "at:2026-11-01..2026-11-20",
            _at,
            _told_moments,
            lambda: ALLOWED,
            many=True,
        ),
        Key(
            "number",
            "under which number",
            "a number; two of them with `..` between; or one after `>=`, `>`, `<=` or `<`",
            "number:100..200",
            _numbers,
            _told_numbers,
            lambda: ("118", "100..200", ">=100"),
            many=True,
        ),
        Key(
            "cause",
            "what set it off",
            "the number of an entry",
            "cause:118",
            _cause,
            _told_causes,
            lambda: ("118",),
        ),
    )
}
