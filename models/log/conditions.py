"""A query as SQL: what must be true of an entry, and from where an index leads to such entries."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from models.log.actor import SYSTEM_NAME
from models.log.keys import ME, PREFIX
from models.log.query import WORDS, Query, Term
from models.log.spoken import person, told

HIGHEST = chr(0x10FFFF)
"""Behind every other character: a name that begins with a text is not behind that text with this at its end."""
MANY = 200
"""From how many things at once an index still leads to entries faster than a look at every entry."""
CLASSES = {"type": "kind", "action": "done", "via": "door"}


class Condition(NamedTuple):
    """What must be true of an entry."""

    sql: str
    values: Mapping[str, Any]
    place: int
    """That of the term in the query that it is made of."""


class Way(NamedTuple):
    """Lists of entries that an index has in order, in which everything is that a search finds.

    `lists` is a query for what tells the lists apart, and `of_list` what is true of the entries of one. `implies` are
    the places of the conditions that need not be looked at any more.
    """

    lists: str
    of_list: str
    implies: frozenset[int] = frozenset()
    keys: str = "key"
    """The columns of `lists`."""
    by_time: bool = False
    """Whether its index has the entries by time, with which their numbers grow."""
    named: int | None = None
    """The place of the term whose names it leads to: what it holds may have borne other names at other times."""


def conditions(query: Query, person_id: int) -> Iterator[Condition]:
    """Yields what its terms ask for, but for those about times and numbers; `person_id` is who "me" is."""
    for place, term in enumerate(query.terms):
        if term.key in SQL:
            name = f"term_{place}"
            sql = SQL[term.key].replace("<values>", f":{name}")
            values = {name: [each.lower() for each in term.values]}
            if term.key == "actor":
                sql, values = _actor(term, name, person_id)
            elif term.key == "resource":
                sql = " OR ".join(_halves(term, place, BEARS))
                values = {f"{name}{half}": names for half, names in _names(term).items()}
            yield Condition(f"({sql}) IS NOT TRUE" if term.excluded else f"({sql})", values, place)


def ways(query: Query) -> Iterator[Way]:
    """Yields the ways that lead to what its terms ask for."""
    for place, term in enumerate(query.terms):
        if term.excluded:
            continue
        name = f":term_{place}"
        match term.key:
            case "project":
                yield Way(PROJECTS.replace("<values>", name), "project_id = list.key", frozenset({place}))
            case "cause":
                lists = _of("SELECT DISTINCT CAST(each AS bigint) AS key FROM <each>", name, len(term.values))
                yield Way(lists, "cause_number = list.key", frozenset({place}))
            case "resource":
                of_list = "resource_type = list.kind AND resource_id = list.key"
                yield Way(" UNION ALL ".join(_halves(term, place, NAMED)), of_list, keys="kind, key", named=place)
            case "actor" if SYSTEM_NAME not in term.values:
                # Whoever is not asked for by a name is still the same under another one.
                is_me = term.values == (ME,)
                lists = _of(OF_ME if is_me else ACTORS, name, len(_called(term)))
                implied, named = (frozenset({place}), None) if is_me else (frozenset[int](), place)
                yield Way(lists, "actor_id = list.key", implied, by_time=True, named=named)
    if any(term.key in CLASSES or _is_system(term) for term in query.terms):
        yield _classes(query)


def _classes(query: Query) -> Way:
    """The lists of what happened to which kind of thing through which door."""
    bounds, implied = ["true"], []
    for place, term in enumerate(query.terms):
        if term.key in CLASSES:
            implied.append(place)
            bound = f"CAST({CLASSES[term.key]} AS text) = ANY(CAST(:term_{place} AS text[]))"
            bounds.append(f"NOT {bound}" if term.excluded else bound)
        elif _is_system(term):
            bounds.append("door IN ('worker', 'cli')")  # of which the platform itself makes use
    return Way(f"{CLASS_LISTS} WHERE {' AND '.join(bounds)}", OF_CLASS, frozenset(implied))


def _is_system(term: Term) -> bool:
    return term.key == "actor" and not term.excluded and term.values == (SYSTEM_NAME,)


def _actor(term: Term, name: str, person_id: int) -> tuple[str, dict[str, Any]]:
    named = _called(term)
    values = {name: named, f"{name}_ids": [person_id] if ME in term.values else []}
    # Each takes time to plan.
    asked = [
        *(["actor_id IS NULL"] if SYSTEM_NAME in term.values else []),
        *([f"actor_id = ANY(CAST(:{name}_ids AS integer[]))"] if ME in term.values else []),
        *([_of(ACTOR, f":{name}", len(named))] if named else []),
    ]
    return " OR ".join(asked), values


def _called(term: Term) -> list[str]:
    return [each.lower() for each in term.values if each not in (ME, SYSTEM_NAME)]


def _names(term: Term) -> dict[str, list[str]]:
    """The names asked for: each for itself, and what names begin with."""
    begun = [each.removesuffix(PREFIX) for each in term.values if each.endswith(PREFIX)]
    return {"_whole": [each for each in term.values if not each.endswith(PREFIX)], "_begun": begun}


def _halves(term: Term, place: int, texts: Mapping[str, str]) -> list[str]:
    """What is said of whole names and of beginnings, as far as the term asks for them: each takes time to plan."""
    return [_of(texts[half], f":term_{place}{half}", len(names)) for half, names in _names(term).items() if names]


def _of(sql: str, values: str, count: int) -> str:
    """What is said of values, of which there are so many: a plan is made for any later ones that are as many."""
    return sql.replace("<each>", ONE if count == 1 else EACH).replace("<values>", values)


def multirange(spans: Sequence[tuple[int, int]] | Sequence[tuple[datetime, datetime]]) -> str:
    """Returns spans as PostgreSQL writes a multirange."""
    return "{" + ",".join(f'["{first}","{last}")' for first, last in spans) + "}"


# Values come in lower case where case makes no difference; what else is lower is for the database to say.
SQL = {
    WORDS: f"strpos(lower({told('summary')}), (SELECT lower((CAST(<values> AS text[]))[1]))) > 0",
    "action": "CAST(action AS text) = ANY(CAST(<values> AS text[]))",
    "type": "CAST(resource_type AS text) = ANY(CAST(<values> AS text[]))",
    "via": "CAST(door AS text) = ANY(CAST(<values> AS text[]))",
    "project": """project_id = ANY(ARRAY(SELECT id FROM projects
        WHERE projects.organisation_id = entry.organisation_id AND handle = ANY(CAST(<values> AS text[]))))""",
    "changed": "jsonb_exists_any(changes, CAST(<values> AS text[]))",
    "cause": "cause_number = ANY(CAST(CAST(<values> AS text[]) AS bigint[]))",
    "actor": "",
    "resource": "",
}
OF_EMAIL = "SELECT id FROM users WHERE email = ANY(CAST(<values> AS text[]))"
IN_LOWER = "ANY(ARRAY(SELECT lower(each) FROM <each>))"
ACTOR = f"""actor_id = ANY(ARRAY({OF_EMAIL}))
        OR lower({person("entry", "entry.actor_person")}) = {IN_LOWER}"""
EACH = "unnest(CAST(<values> AS text[])) AS each"
# How many rows an array gives is anybody's guess, and whoever guesses ten plans each search anew.
ONE = "(SELECT (CAST(<values> AS text[]))[1] AS each) AS one"
NAME = f"CASE WHEN people IS NULL THEN resource_name ELSE {person('entry', 'entry.people[1]')} END"
BEARS = {"_whole": f"lower({NAME}) = {IN_LOWER}", "_begun": f"lower({NAME}) ^@ {IN_LOWER}"}
PROJECTS = """SELECT id AS key FROM projects
         WHERE organisation_id = :organisation AND handle = ANY(CAST(<values> AS text[]))"""
# One more than too many: then this way is not gone. What is there twice is counted twice, or a list that was cut off
# would pass for a whole one. The index of names is asked for each name: nobody knows beforehand how much it holds.
_NAMED = f"""SELECT kind, key FROM <each>, LATERAL (
            (SELECT resource_type AS kind, resource_id AS key FROM activity_names
              WHERE organisation_id = :organisation AND {{name}} LIMIT {MANY + 1})
            UNION ALL
            (SELECT spoken.kind, spoken.key FROM (
                SELECT id, user_id FROM activity_people
                 WHERE organisation_id = :organisation AND {{shown}} LIMIT {MANY + 1}) AS person,
                LATERAL (
                SELECT CAST('user' AS activity_resource) AS kind, CAST(person.user_id AS bigint) AS key
                 WHERE person.user_id IS NOT NULL
                UNION ALL
                (SELECT DISTINCT resource_type, resource_id FROM activity_entries
                  WHERE organisation_id = :organisation AND people[1] = person.id AND people IS NOT NULL
                    AND person.user_id IS NULL LIMIT {MANY + 1})) AS spoken)) AS named"""
_IS = 'lower({0}) COLLATE "C" = lower(each)'
_BEGINS = f"""lower({{0}}) COLLATE "C" >= lower(each) AND lower({{0}}) COLLATE "C" <= lower(each) || '{HIGHEST}'"""
NAMED = {
    half: _NAMED.format(name=bound.format("name"), shown=bound.format("shown"))
    for half, bound in (("_whole", _IS), ("_begun", _BEGINS))
}
# Of one at most, "me".
OF_ME = "SELECT (CAST(<values>_ids AS integer[]))[1] AS key"
ACTORS = f"""{OF_ME} WHERE cardinality(CAST(<values>_ids AS integer[])) > 0 UNION ALL {OF_EMAIL} UNION ALL
        SELECT key FROM <each>, LATERAL (
            SELECT user_id AS key FROM activity_people
             WHERE organisation_id = :organisation AND lower(shown) COLLATE "C" = lower(each) AND user_id IS NOT NULL
             LIMIT {MANY + 1}) AS named"""
CLASS_LISTS = """SELECT kind, done, door FROM unnest(enum_range(CAST(NULL AS activity_resource))) AS kind,
               unnest(enum_range(CAST(NULL AS activity_action))) AS done,
               unnest(enum_range(CAST(NULL AS activity_door))) AS door"""
OF_CLASS = "resource_type = list.kind AND action = list.done AND door = list.door"
