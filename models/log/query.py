"""A query: one line of text, the only form that a filter of the log has (docs/querying.md is its manual)."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import lru_cache

from models.length import Length
from models.log.keys import KEYS, NUMBER_MOST, BadQuery, numbers_of
from models.log.moments import EVER, Span, parse_at
from models.log.spans import joined, rest, shared

LENGTH = Length(500, 1500)
PARSED_KEPT = 1000
TERMS_MOST = 20
WORDS = ""
"""The key of a term that is a word or a phrase."""
KEY = re.compile(r"([a-z][a-z_-]*):", re.ASCII | re.IGNORECASE)
# Phones turn quotes into these by themselves.
CURLY = "“”„"
QUOTES = f'"{CURLY}'
ORDER = [*KEYS, WORDS]


@dataclass(frozen=True)
class Term:
    """What an entry must be, or must not: one of the values of a key, or a word that its summary holds."""

    key: str
    values: tuple[str, ...]
    """In ascending order; a single one of a word."""
    excluded: bool = False

    def __str__(self) -> str:
        written = ",".join(_written(value, self.key) for value in self.values)
        return f"{'-' if self.excluded else ''}{f'{self.key}:' if self.key else ''}{written}"

    def explain(self) -> str:
        """Says in English what it asks for, such as "by Ada Lovelace or system"."""
        if self.key:
            return KEYS[self.key].describe(self.values, self.excluded)
        return f"{'not ' if self.excluded else ''}saying “{self.values[0]}”"

    @property
    def opposite(self) -> "Term":
        """What asks for everything else."""
        return Term(self.key, self.values, not self.excluded)


@dataclass(frozen=True)
class Query:
    """Terms that must all be true of an entry, in canonical order; `query` and `parse` make one."""

    terms: tuple[Term, ...] = ()

    def __str__(self) -> str:
        return " ".join(map(str, self.terms))

    def __bool__(self) -> bool:
        return bool(self.terms)

    def explain(self) -> str:
        """Says in English what it asks for, such as "Entries by Ada Lovelace, about “my-api”"."""
        return f"Entries {', '.join(each.explain() for each in self.terms)}" if self.terms else "All entries"

    def of(self, key: str) -> tuple[Term, ...]:
        """Returns its terms of one key."""
        return tuple(each for each in self.terms if each.key == key)

    def with_term(self, term: Term) -> "Query":
        """Returns it with one more term; values of which an entry has only one become alternatives. Raises BadQuery."""
        terms = [each for each in self.terms if each != term.opposite]
        if term.key and not KEYS[term.key].many and not term.excluded:
            alike = [each for each in terms if each.key == term.key and not each.excluded]
            values = {value for each in (*alike, term) for value in each.values}
            return query([*(each for each in terms if each not in alike), Term(term.key, tuple(values))])
        return query([*terms, term])

    def without_term(self, term: Term) -> "Query":
        """Returns it without a term."""
        return Query(tuple(each for each in self.terms if each != term))

    def without_key(self, key: str) -> "Query":
        """Returns it without all terms of a key."""
        return Query(tuple(each for each in self.terms if each.key != key))


ALL = Query()


def query(terms: Iterable[Term]) -> Query:
    """Returns the query of these terms in its canonical form. Raises BadQuery."""
    excluded: dict[str, set[str]] = {}
    found: set[Term] = set()
    for term in terms:
        values = {KEYS[term.key].checked(value) for value in term.values} if term.key else set(term.values)
        if term.key and term.excluded:
            # Not one and not another is neither of both.
            excluded.setdefault(term.key, set()).update(values)
        else:
            found.add(Term(term.key, tuple(sorted(values)), term.excluded))
    found |= {Term(key, tuple(sorted(values)), True) for key, values in excluded.items()}
    made = Query(tuple(sorted(found, key=lambda each: (ORDER.index(each.key), each.excluded, each.values))))
    if len(made.terms) > TERMS_MOST:
        raise BadQuery("", f"The query has {len(made.terms)} terms, at most {TERMS_MOST} are allowed.")
    _require_short(str(made))
    return made


@lru_cache(maxsize=PARSED_KEPT)
def parse(text: str) -> Query:
    """Reads a query from its text. Raises BadQuery."""
    _require_short(text)
    return query(_terms(text))


def moments(query: Query, zone: tzinfo, now: datetime) -> list[Span]:
    """Returns the times that its `at:` leaves, in UTC and ascending; EVER where it has none. Raises BadQuery.

    Of an hour that clocks of the zone show twice, both are meant, unless it says how far from UTC.
    """
    left = [EVER]
    for term in query.of("at"):
        spans = joined(span for value in term.values for span in parse_at(value).spans(zone, now))
        if not spans:
            raise BadQuery(str(term), f"No clock in {zone} ever showed this.")
        left = shared(left, rest(spans, EVER) if term.excluded else spans)
    return left


def numbers(query: Query) -> list[tuple[int, int]]:
    """Returns the numbers that its `number:` leaves, ascending: each first one, and the one after the last."""
    every = (1, NUMBER_MOST + 1)
    left = [every]
    for term in query.of("number"):
        spans = [(bounds.first, bounds.last + 1) for bounds in map(numbers_of, term.values)]
        left = shared(left, rest(spans, every) if term.excluded else joined(spans))
    return left


def _require_short(text: str) -> None:
    if complaint := LENGTH.complaint("The query", text):
        raise BadQuery("", complaint)


def _terms(text: str) -> Iterator[Term]:
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        term, at = _term(text, at)
        yield term


def _term(text: str, begin: int) -> tuple[Term, int]:
    """One term, and where it ends."""
    excluded = text[begin] == "-"
    at = begin + excluded
    if _ends(text, at):
        raise BadQuery("-", "A minus excludes what follows it, and nothing does.")
    found = KEY.match(text, at)
    if found is None:
        word, at = _value(text, at, WORDS)
        return Term(WORDS, (word,), excluded), at
    key, at = found[1].lower(), found.end()
    if key not in KEYS:
        end = next((each for each in range(at, len(text)) if text[each].isspace()), len(text))
        why = f"There is no key “{key}”. To search for the text itself, put it into quotes."
        raise BadQuery(text[begin:end], why, [f"{name}:" for name in KEYS])
    values = []
    while True:
        value, at = _value(text, at, key)
        values.append(KEYS[key].checked(value))
        if text[at : at + 1] != ",":
            return Term(key, tuple(values), excluded), at
        at += 1


def _value(text: str, at: int, key: str) -> tuple[str, int]:
    """One value, and where it ends: at a blank, or at a comma behind which the key's next value begins."""
    begin = at
    if text[at : at + 1] and text[at] in QUOTES:
        value, at = _quoted(text, at)
        if not _ends(text, at) and not (key and text[at] == ","):
            raise BadQuery(text[begin:at], "A blank must follow what is in quotes.")
    else:
        while not _ends(text, at) and not (key and text[at] == ","):
            at += 1
        value = text[begin:at]
    term = f"{key}:{value}" if key else text[begin:at]
    if not value.strip():
        allowed = KEYS[key].allowed() or [KEYS[key].example.partition(":")[2]] if key else ()
        raise BadQuery(term, "A value is missing." if key else "Between the quotes is nothing to search for.", allowed)
    if any(unicodedata.category(each) in ("Cc", "Cs") for each in value):
        raise BadQuery(term, "It holds a control character.")
    return value, at


def _quoted(text: str, begin: int) -> tuple[str, int]:
    """What stands between quotes, and where it ends; a backslash takes the meaning from a quote or a backslash."""
    closing = QUOTES if text[begin] in CURLY else '"'
    value, at = "", begin + 1
    while at < len(text):
        if text[at] == "\\" and text[at + 1 : at + 2] and text[at + 1] in f"\\{QUOTES}":
            value, at = value + text[at + 1], at + 2
        elif text[at] in closing:
            return value, at + 1
        else:
            value, at = value + text[at], at + 1
    raise BadQuery(text[begin:], "The closing quote is missing.")


def _ends(text: str, at: int) -> bool:
    return at >= len(text) or text[at].isspace()


def _written(value: str, key: str) -> str:
    """A value, in quotes only where it would be read as something else without them."""
    plain = value != "" and not any(each.isspace() for each in value) and value[0] not in QUOTES
    if plain and ("," not in value if key else value[0] != "-" and not KEY.match(value)):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
