"""The language of queries: whatever is asked has one canonical text, and whatever is not understood is named."""

import string

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from models.kinds import catalogue
from models.log.actor import Door
from models.log.keys import KEYS, NUMBER_MOST, UNDECLARED, BadQuery, fields, types
from models.log.query import ALL, LENGTH, TERMS_MOST, Query, Term, numbers, parse, query
from models.log.record import Action
from tests.rules.test_verbs import CLASSES

ODD = st.sampled_from(["", " ", "-", ":", ",", '"', "\\", "“", "”", "*", "..", ">=", "\0", "\ud800", "\u2028"])
PIECES = st.one_of(
    st.sampled_from([f"{key}:" for key in KEYS]),
    st.sampled_from([*Action, *Door, *types(), *fields(), "me", "2026-11-01", "2026-10-25T02:30+02:00", "7d", "118"]),
    ODD,
    st.text(max_size=5),
    st.text(string.printable, max_size=5),
)
TEXTS = st.lists(PIECES, max_size=30).map("".join)
SHOWN = st.characters(exclude_categories=("Cc", "Cs"))
NAMES = st.text(st.one_of(st.sampled_from('"\\,:-*“ ab'), SHOWN), min_size=1, max_size=12).filter(
    lambda name: bool(name.strip()) and bool(name.strip("*"))
)
NUMBERS = st.integers(1, NUMBER_MOST)
VALUES = {
    "actor": st.one_of(st.sampled_from(["me", "system", "ada@example.com"]), NAMES),
    "action": st.sampled_from(Action).map(str),
    "type": st.sampled_from(types()),
    "project": st.from_regex(r"[a-z0-9]([a-z0-9-]{0,9}[a-z0-9])?", fullmatch=True),
    "resource": NAMES,
    "changed": st.sampled_from(fields()),
    "via": st.sampled_from(Door).map(str),
    "at": st.sampled_from(["2026", "2026-11", "2026-11-01", "2026-11-01T08:00-03:30", ">2026-11-01", "7d", "12h"]),
    "number": st.one_of(
        NUMBERS.map(str),
        st.tuples(NUMBERS, NUMBERS).map(sorted).map(lambda pair: f"{pair[0]}..{pair[1]}"),
        st.tuples(st.sampled_from([">=", "<=", ">", "<"]), NUMBERS).map(lambda pair: f"{pair[0]}{pair[1]}"),
    ),
    "cause": NUMBERS.map(str),
    "": NAMES,
}
KEYED = st.sampled_from(sorted(set(VALUES) - {""})).flatmap(
    lambda key: st.builds(Term, st.just(key), st.lists(VALUES[key], min_size=1, max_size=4).map(tuple), st.booleans())
)
TERMS = st.one_of(KEYED, st.builds(Term, st.just(""), st.tuples(NAMES), st.booleans()))


def refusal(text: str) -> BadQuery:
    """The error that refuses a text."""
    with pytest.raises(BadQuery) as raised:
        parse(text)
    return raised.value


@given(st.lists(TERMS, max_size=TERMS_MOST))
def test_whatever_is_asked_for_is_read_from_its_own_text(terms: list[Term]) -> None:
    try:
        asked = query(terms)
    except BadQuery as error:
        assume(not error.term)  # too long, or too many terms
        return

    assert parse(str(asked)) == asked


@given(TEXTS)
@example('"a" b')
@example('-actor:"')
@example("at:" + "9" * 490)
@example("number:" + "²")
def test_any_text_is_understood_or_refused_by_name(text: str) -> None:
    try:
        asked = parse(text)
    except BadQuery as error:
        str(error).encode()
        return

    assert parse(str(asked)) == asked
    assert asked.explain().encode()


@given(st.lists(TERMS, max_size=4))
def test_the_order_of_terms_and_values_does_not_matter(terms: list[Term]) -> None:
    turned = [Term(each.key, each.values[::-1], each.excluded) for each in reversed(terms)]

    assert query(turned) == query(terms)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("", ""),
        (" \n ", ""),
        ("removed Ada", "Ada removed"),
        (
            'type:Container "payment method" actor:"Grace Hopper"',
            'actor:"Grace Hopper" type:container "payment method"',
        ),
        ("action:update,delete,delete", "action:delete,update"),
        ("-type:user -type:billing", "-type:billing,user"),
        ("changed:port changed:image", "changed:image changed:port"),
        ("“Grace Hopper”", '"Grace Hopper"'),
        ('actor:"ada"', "actor:ada"),
        ('"nginx:1.28"', '"nginx:1.28"'),
        ("12:30", "12:30"),
        ('"-1"', '"-1"'),
        ("--1", '-"-1"'),
        (r'"5\" disk"', r'"5\" disk"'),
        ("€25,00", "€25,00"),
        ('resource:"a,b",c', 'resource:"a,b",c'),
        ("number:007,100..100", "number:100,7"),
        ("at:2026-11-01t08z,2026-11", "at:2026-11,2026-11-01T08Z"),
        ("at:7D", "at:7d"),
        ("actor:ME,System", "actor:me,system"),
    ],
)
def test_a_query_has_one_canonical_text(text: str, canonical: str) -> None:
    assert str(parse(text)) == canonical


@pytest.mark.parametrize(
    ("text", "term", "why"),
    [
        ("who:ada", "who:ada", "There is no key “who”."),
        ("nginx:1.28", "nginx:1.28", "To search for the text itself, put it into quotes."),
        ("type:contaner", "type:contaner", "Did you mean container?"),
        ("action:remove", "action:remove", "There is no such action."),
        ("changed:imgae", "changed:imgae", "Did you mean image?"),
        ("via:phone", "via:phone", "There is no such door."),
        ("project:-web", "project:-web", "A project's handle has lower-case letters"),
        ("resource:*", "resource:*", "say with what it begins"),
        ("at:yesterday", "at:yesterday", "neither a date nor a date and time"),
        ("at:2026-02-30", "at:2026-02-30", "is on no calendar or clock"),
        ("at:2026-11-20..2026-11-01", "at:2026-11-20..2026-11-01", "2026-11-01 is before 2026-11-20"),
        ("at:0d", "at:0d", "hold nothing"),
        ("number:0", "number:0", "Entries are numbered 1, 2, 3"),
        ("number:200..100", "number:200..100", "100 is before 200"),
        ("cause:#1", "cause:#1", "Entries are numbered 1, 2, 3"),
        ("type:", "type:", "A value is missing."),
        ("type:user,", "type:", "A value is missing."),
        ('""', '""', "nothing to search for"),
        ('"a', '"a', "The closing quote is missing."),
        ('"a"b', '"a"', "A blank must follow"),
        ("web -", "-", "A minus excludes what follows it"),
        ("a\0b", "a\ufffdb", "control character"),
    ],
)
def test_what_is_not_understood_is_named_with_the_reason(text: str, term: str, why: str) -> None:
    error = refusal(text)

    assert error.term == term
    assert why in error.why
    assert error.field == "q"


@pytest.mark.parametrize("text", ["who:ada", "type:contaner", "changed:imgae", "via:phone", "at:noon", "number:x"])
def test_what_is_allowed_is_said(text: str) -> None:
    error = refusal(text)

    assert error.allowed
    assert all(each in str(error) for each in error.allowed)


def test_a_query_is_measured_before_it_is_read() -> None:
    assert "at most 500" in str(refusal('"' * (LENGTH.characters + 1)))
    assert "bytes" in str(refusal("\U0001f600" * LENGTH.characters))


def test_a_query_has_a_limited_number_of_terms() -> None:
    assert len(parse(" ".join(f"w{each}" for each in range(TERMS_MOST))).terms) == TERMS_MOST
    assert f"at most {TERMS_MOST}" in str(refusal(" ".join(f"w{each}" for each in range(TERMS_MOST + 1))))


def test_a_query_explains_itself() -> None:
    asked = parse('actor:me,system -type:user action:delete at:7d resource:db-*,"a b" -failed number:>=5 via:api')

    assert asked.explain() == (
        "Entries by you or system, in which something was deleted, not of the type user, about “a b” or anything that "
        "begins with “db-”, through api, in the last 7 days, numbered 5 or above, not saying “failed”"
    )
    assert ALL.explain() == "All entries"


def test_a_second_value_of_what_an_entry_has_once_is_an_alternative() -> None:
    both = parse("actor:ada").with_term(Term("actor", ("system",)))

    assert str(both) == "actor:ada,system"


def test_a_second_word_or_field_narrows_the_search() -> None:
    asked = parse("changed:image web").with_term(Term("changed", ("port",))).with_term(Term("", ("api",)))

    assert str(asked) == "changed:image changed:port api web"


def test_asking_for_what_was_excluded_excludes_it_no_longer() -> None:
    assert str(parse("-type:user web").with_term(Term("type", ("user",)))) == "type:user web"


def test_terms_are_taken_away_one_by_one_or_by_key() -> None:
    asked = parse("type:user -type:billing web")

    assert str(asked.without_term(Term("type", ("user",)))) == "-type:billing web"
    assert str(asked.without_key("type")) == "web"
    assert not Query()


def test_numbers_are_what_all_their_terms_leave() -> None:
    assert numbers(parse("number:1..10,20 -number:5..6 number:>2")) == [(3, 5), (7, 11), (20, 21)]
    assert numbers(parse("")) == [(1, NUMBER_MOST + 1)]
    assert numbers(parse("number:5 number:6")) == []


def test_every_kind_and_everything_else_the_log_speaks_of_is_a_type() -> None:
    assert set(types()) == {cls.noun for cls in CLASSES.values()} >= set(catalogue.BY_NOUN)


def test_every_declared_field_can_be_asked_for() -> None:
    declared = {name for cls in CLASSES.values() for name in cls.fields()}

    assert declared | set(UNDECLARED) == set(fields())
