"""What must hold whatever was killed: asked of the tables themselves, by a superuser; an empty list is the proof."""

import psycopg

from models.billing.usage import Usage
from models.kinds.catalogue import KINDS
from models.kinds.resource import Resource
from models.log.record import PAST

ALIVE = " UNION ALL ".join(
    f"SELECT organisation_id, {kind.counted()} FROM {kind.plural} WHERE ended_at IS NULL" for kind in KINDS
)
OF_LOG = {
    "numbers have a gap": """
        SELECT head.organisation_id FROM activity_heads AS head
          LEFT JOIN activity_entries AS entry USING (organisation_id)
         GROUP BY head.organisation_id, last_number
        HAVING count(number) <> last_number OR COALESCE(max(number), 0) <> last_number""",
    "time runs against the numbers": """
        SELECT organisation_id, number FROM (
            SELECT organisation_id, number, occurred_at,
                   lag(occurred_at) OVER (PARTITION BY organisation_id ORDER BY number) AS before
              FROM activity_entries) AS entry WHERE occurred_at < before""",
    "a cause that is not there": """
        SELECT effect.organisation_id, effect.number FROM activity_entries AS effect
          LEFT JOIN activity_entries AS cause
            ON cause.organisation_id = effect.organisation_id AND cause.number = effect.cause_number
         WHERE effect.cause_number IS NOT NULL AND (cause.number IS NULL OR cause.number >= effect.number)""",
    "the system acted without a cause": f"""
        SELECT organisation_id, number FROM activity_entries
         WHERE actor_id IS NULL AND cause_number IS NULL
           AND CAST(resource_type AS text) IN ('project', {", ".join(repr(kind.noun) for kind in KINDS)})""",
    "a name that no search finds": """
        SELECT organisation_id, resource_type, resource_id, resource_name FROM activity_entries WHERE people IS NULL
        EXCEPT
        SELECT organisation_id, resource_type, resource_id, name FROM activity_names""",
    "a person whom nobody knows": """
        SELECT organisation_id, number FROM (
            SELECT organisation_id, number, unnest(people || actor_person) AS id FROM activity_entries) AS spoken
          LEFT JOIN activity_people AS person USING (organisation_id, id)
         WHERE spoken.id IS NOT NULL AND person.id IS NULL
         UNION ALL
        SELECT organisation_id, number FROM activity_entries
         WHERE (actor_id IS NULL) <> (actor_person IS NULL)
            OR (resource_type IN ('user', 'invitation')) <> (people IS NOT NULL)""",
    "a commitment that is not to the name": """
        SELECT organisation_id, id FROM activity_people
         WHERE name IS NOT NULL AND commitment <> sha256(salt || convert_to(name, 'UTF8'))""",
    "a person who is there twice": """
        SELECT organisation_id, user_id, name FROM activity_people WHERE name IS NOT NULL
         GROUP BY organisation_id, user_id, name HAVING count(*) > 1""",
    "a run that is not what its entries say": """
        WITH counted AS (
            SELECT organisation_id, cause_number, min(number) AS first_number, max(number) AS last_number FROM (
                SELECT organisation_id, cause_number, number,
                       number - row_number() OVER (PARTITION BY organisation_id, cause_number ORDER BY number) AS island
                  FROM activity_entries WHERE cause_number IS NOT NULL) AS caused
             GROUP BY organisation_id, cause_number, island)
        SELECT * FROM (
            (SELECT organisation_id, first_number, last_number, cause_number FROM counted
             EXCEPT SELECT organisation_id, first_number, last_number, cause_number FROM activity_runs)
            UNION ALL
            (SELECT organisation_id, first_number, last_number, cause_number FROM activity_runs
             EXCEPT SELECT organisation_id, first_number, last_number, cause_number FROM counted)
            UNION ALL
            (SELECT organisation_id, first_number, last_number, cause_number FROM activity_runs
              WHERE last_number - first_number + 1 <>
                    (SELECT sum(CAST(value AS bigint)) FROM jsonb_each_text(tally)))) AS differing""",
}


def violations(superuser: psycopg.Connection) -> list[str]:
    """Everything that is wrong, a sentence each."""
    queries = dict(OF_LOG)
    for kind in KINDS:
        queries |= _of_kind(kind)
    for column in Usage._fields:
        queries[f"{column} of the account is not what is in use"] = f"""
            SELECT account.organisation_id FROM billing_accounts AS account
             WHERE {column} + COALESCE((SELECT sum({column}) FROM usage_changes AS changed
                                         WHERE changed.organisation_id = account.organisation_id
                                           AND taken_at IS NULL), 0)
                <> COALESCE((SELECT sum({column}) FROM ({ALIVE}) AS alive (organisation_id, {", ".join(Usage._fields)})
                              WHERE organisation_id = account.organisation_id), 0)"""
    found = []
    for sentence, query in queries.items():
        rows = superuser.execute(query.encode()).fetchall()
        found += [f"{sentence}: {row}" for row in rows[:5]]
    return found


def _of_kind(kind: type[Resource]) -> dict[str, str]:
    noun, table, action, state = kind.noun, kind.plural, kind.end_action, PAST[kind.end_action]
    path = f"""
        SELECT organisation_id, resource_id AS id, min(number) AS first, max(number) AS last,
               min(number) FILTER (WHERE action = 'create') AS created,
               count(*) FILTER (WHERE action = 'create') AS creates,
               max(number) FILTER (WHERE action = '{action}') AS ended,
               count(*) FILTER (WHERE action = '{action}') AS ends,
               count(*) FILTER (WHERE action NOT IN ('create', 'update', '{action}')) AS others
          FROM activity_entries WHERE resource_type = '{noun}' GROUP BY organisation_id, resource_id"""
    newest = f"""
        SELECT DISTINCT ON (organisation_id, resource_id, changed.key)
               organisation_id, resource_id AS id, changed.key, changed.value -> 1 AS value
          FROM activity_entries, jsonb_each(changes) AS changed
         WHERE resource_type = '{noun}' AND jsonb_array_length(changed.value) = 2
         ORDER BY organisation_id, resource_id, changed.key, number DESC"""
    return {
        f"the entries of a {noun} are no legal path": f"""
            SELECT organisation_id, id FROM ({path}) AS path
             WHERE creates <> 1 OR created <> first OR ends > 1 OR ended <> last OR others > 0""",
        f"a {noun} without an entry, or an entry without a {noun}": f"""
            SELECT organisation_id, id FROM {table} AS thing FULL JOIN ({path}) AS path USING (organisation_id, id)
             WHERE thing.state IS NULL OR path.first IS NULL""",
        f"a {noun} whose end is not what its entries say": f"""
            SELECT organisation_id, id, thing.state, path.ends FROM {table} AS thing
              JOIN ({path}) AS path USING (organisation_id, id)
             WHERE (path.ends = 1) <> (thing.ended_at IS NOT NULL) OR (path.ends = 1) <> (thing.state = '{state}')""",
        f"a {noun} whose fields are not what its entries say": f"""
            SELECT organisation_id, id, newest.key, newest.value FROM {table} AS thing
              JOIN ({newest}) AS newest USING (organisation_id, id)
             WHERE (newest.key <> 'state' OR thing.ended_at IS NULL)
               AND newest.key NOT IN ('image_digest', 'restores') -- a deployment's, and what was brought back
               AND to_jsonb(thing) -> newest.key IS DISTINCT FROM newest.value""",
        f"a {noun} in a state that no entry tells": f"""
            SELECT organisation_id, id, thing.state FROM {table} AS thing
             WHERE ended_at IS NULL AND state <> 'active' AND NOT EXISTS (
                SELECT FROM ({newest}) AS newest WHERE newest.key = 'state' AND newest.id = thing.id
                                                   AND newest.organisation_id = thing.organisation_id)""",
        f"a {noun} that was lost": f"""
            SELECT organisation_id, thing.id FROM {table} AS thing
              JOIN organisations ON organisations.id = thing.organisation_id
              JOIN projects USING (organisation_id)
             WHERE projects.id = thing.project_id AND thing.ended_at IS NULL
               AND (organisations.state = 'deleted' OR projects.state = 'deleted')""",
    }
