"""What is kept beside the entries of an organisation must follow from them: names of people, runs, names of things."""

from collections.abc import Iterator

from sqlalchemy import text

from models.database import read
from models.log.proof.finding import Finding, Verdict

TOLD_MOST = 100
"""Of one kind of trouble in one organisation."""


def underived(organisation_id: int) -> Iterator[Finding]:
    """Yields what does not follow from the entries."""
    for number, says in (
        (PEOPLE, "is not what the entries have committed to"),
        (UNKNOWN, "is spoken of and not there"),
    ):
        for (person,) in read(number, {"organisation": organisation_id, "most": TOLD_MOST}):
            yield Finding(Verdict.TAMPERED, organisation_id, f"What person {person} of the log is called {says}.")
    for first, last, cause in read(RUNS, {"organisation": organisation_id, "most": TOLD_MOST}):
        says = f"The run of entries that #{cause} caused is not what these entries say."
        yield Finding(Verdict.TAMPERED, organisation_id, says, first, last)
    for number, name in read(NAMES, {"organisation": organisation_id, "most": TOLD_MOST}):
        says = f"The name {name[:80]!r} is not among those that a search finds."
        yield Finding(Verdict.TAMPERED, organisation_id, says, number)


PEOPLE = text("""
    SELECT id FROM activity_people
     WHERE organisation_id = :organisation AND name IS NOT NULL
       AND commitment <> sha256(salt || convert_to(name, 'UTF8')) ORDER BY id LIMIT :most
""")
# Also an actor who is another one than the person that the entry names.
UNKNOWN = text("""
    SELECT DISTINCT spoken.id FROM (
        SELECT unnest(people) AS id, CAST(NULL AS integer) AS user_id FROM activity_entries
         WHERE organisation_id = :organisation AND people IS NOT NULL
         UNION SELECT actor_person, actor_id FROM activity_entries
         WHERE organisation_id = :organisation AND actor_person IS NOT NULL) AS spoken
      LEFT JOIN activity_people AS person ON person.organisation_id = :organisation AND person.id = spoken.id
     WHERE person.id IS NULL OR person.user_id <> spoken.user_id ORDER BY 1 LIMIT :most
""")
# A run's tally counts "deleted project": what an entry is about is known, and the word is that of its sentence.
RUNS = text("""
    WITH caused AS (
        SELECT cause_number, number, CAST(resource_type AS text) AS noun,
               number - row_number() OVER (PARTITION BY cause_number ORDER BY number) AS island
          FROM activity_entries WHERE organisation_id = :organisation AND cause_number IS NOT NULL),
    counted AS (
        SELECT min(first) AS first, max(last) AS last, cause_number, jsonb_object_agg(noun, count) AS nouns FROM (
            SELECT cause_number, island, noun, min(number) AS first, max(number) AS last, count(*) AS count
              FROM caused GROUP BY cause_number, island, noun) AS of_noun
         GROUP BY cause_number, island),
    told AS (
        SELECT first_number, last_number, cause_number, (
                   SELECT jsonb_object_agg(noun, count) FROM (
                       SELECT substr(key, strpos(key, ' ') + 1) AS noun, sum(CAST(value AS bigint)) AS count
                         FROM jsonb_each_text(tally) GROUP BY 1) AS of_noun)
          FROM activity_runs WHERE organisation_id = :organisation)
    SELECT first, last, cause_number FROM (
        (SELECT * FROM counted EXCEPT SELECT * FROM told) UNION (SELECT * FROM told EXCEPT SELECT * FROM counted)
    ) AS differing ORDER BY first LIMIT :most
""")
NAMES = text("""
    SELECT min(number), resource_name FROM (
        SELECT resource_type, resource_id, resource_name, min(number) AS number FROM activity_entries
         WHERE organisation_id = :organisation AND people IS NULL GROUP BY 1, 2, 3) AS named
     WHERE NOT EXISTS (
        SELECT FROM activity_names
         WHERE organisation_id = :organisation AND resource_type = named.resource_type
           AND resource_id = named.resource_id AND name = named.resource_name)
     GROUP BY resource_name ORDER BY 1 LIMIT :most
""")
