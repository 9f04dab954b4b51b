-- The log with people apart: written anew, so that no name is left behind on a page of the table, and without the
-- indexes, which take less time in one go. Fixed-width columns first, the widest before the narrower: no padding.
ALTER TABLE activity_entries RENAME TO activity_entries_before;
ALTER INDEX activity_entries_pkey RENAME TO activity_entries_before_pkey;
DROP INDEX activity_of_actor, activity_of_project, activity_of_resource, activity_of_cause, activity_of_class;
CREATE TABLE activity_entries (
    number          bigint NOT NULL,
    occurred_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    resource_id     bigint NOT NULL,
    cause_number    bigint,
    organisation_id integer NOT NULL,
    actor_id        integer,
    -- Who acted, under the name they had then; NULL: the system.
    actor_person    integer,
    project_id      integer,
    action          activity_action NOT NULL,
    resource_type   activity_resource NOT NULL,
    door            activity_door NOT NULL,
    actor_role      text,
    resource_name   text NOT NULL,
    project_name    text,
    summary         text NOT NULL,
    changes         jsonb,
    -- The people it speaks of, its subject first. In resource_name, summary and changes, U+001A and a digit stand for
    -- the one at that place; where nobody is spoken of, it is NULL and those are as they are.
    people          integer[]
);

-- What an entry about a person or an invitation says, with slots where it says names and addresses; NULL of others.
CREATE FUNCTION slots_of(entry activity_entries_before, OUT people integer[], OUT summary text, OUT changes jsonb)
LANGUAGE plpgsql AS $$
DECLARE
    organisation integer := entry.organisation_id;
    who integer := CASE WHEN entry.resource_type::text = 'user' THEN entry.resource_id END;
    before text := CASE WHEN entry.resource_type::text = 'user' THEN 'User ' ELSE 'Invitation of ' END;
    rest text;
    other text;
    field text;
    place integer;
    told text;
    person integer;
BEGIN
    IF entry.resource_type::text NOT IN ('user', 'invitation') THEN
        RETURN;
    END IF;
    people := ARRAY[person_of(organisation, who, replace(entry.resource_name, chr(26), '?'))];
    changes := entry.changes;
    summary := entry.summary;
    IF starts_with(summary, before || entry.resource_name) THEN
        rest := substr(summary, length(before || entry.resource_name) + 1);
        other := substring(rest FROM '^ added as \w+, invited by (.+)$');
        IF other IS NOT NULL THEN
            people := people || person_of(organisation, inviter_of(entry, other), replace(other, chr(26), '?'));
            rest := left(rest, -length(other)) || chr(26) || '2';
        ELSIF starts_with(rest, ' renamed to ') AND who IS NOT NULL THEN
            people := people || person_of(organisation, who, replace(substr(rest, 13), chr(26), '?'));
            rest := ' renamed to ' || chr(26) || '2';
        END IF;
        summary := before || chr(26) || '1' || rest;
    ELSIF strpos(summary, entry.resource_name) > 0 THEN
        place := strpos(summary, entry.resource_name);
        summary := overlay(summary PLACING chr(26) || '1' FROM place FOR length(entry.resource_name));
    END IF;
    FOR field, place, told IN
        SELECT key, each.place - 1, each.value #>> '{}'
          FROM jsonb_each(changes), jsonb_array_elements(value) WITH ORDINALITY AS each (value, place)
         WHERE key IN ('name', 'email', 'email_address') AND jsonb_typeof(each.value) = 'string'
         ORDER BY key, each.place
    LOOP
        person := person_of(organisation, who, replace(told, chr(26), '?'));
        IF array_position(people, person) IS NULL THEN
            people := people || person;
        END IF;
        changes := jsonb_set(changes, ARRAY[field, place::text],
                             to_jsonb(chr(26) || array_position(people, person)));
    END LOOP;
END $$;
-- Whose name it is that an entry says invited someone: what the invitation knows, else who acted under it in the entry
-- that caused this one, else the only one who ever bore it there; NULL where that is not known.
CREATE FUNCTION inviter_of(entry activity_entries_before, called text) RETURNS integer LANGUAGE sql AS $$
    SELECT COALESCE(
        (SELECT invitations.inviter_id FROM activity_entries_before AS cause
           JOIN invitations ON invitations.organisation_id = cause.organisation_id
                           AND invitations.id = cause.resource_id AND invitations.invited_by = called
          WHERE cause.organisation_id = entry.organisation_id AND cause.number = entry.cause_number
            AND cause.resource_type::text = 'invitation'),
        (SELECT cause.actor_id FROM activity_entries_before AS cause
          WHERE cause.organisation_id = entry.organisation_id AND cause.number = entry.cause_number
            AND cause.actor_name = called),
        (SELECT min(resource_id) FROM activity_names
          WHERE organisation_id = entry.organisation_id AND lower(name) COLLATE "C" = lower(called) AND name = called
            AND resource_type::text = 'user' HAVING count(*) = 1))
$$;

-- A hundred thousand entries at a time, so that a long log needs no more memory than a short one.
DO $$
DECLARE
    head record;
    edge bigint;
BEGIN
    FOR head IN SELECT organisation_id, last_number FROM activity_heads ORDER BY organisation_id LOOP
        FOR edge IN SELECT generate_series(0, head.last_number, 100000) LOOP
            PERFORM person_of(head.organisation_id, actor_id, called) FROM (
                SELECT DISTINCT actor_id, replace(actor_name, chr(26), '?') AS called FROM activity_entries_before
                 WHERE organisation_id = head.organisation_id AND number > edge AND number <= edge + 100000
                   AND actor_id IS NOT NULL) AS acting;
            INSERT INTO activity_entries (
                number, occurred_at, resource_id, cause_number, organisation_id, actor_id, actor_person, project_id,
                action, resource_type, door, actor_role, resource_name, project_name, summary, changes, people)
            SELECT entry.number, entry.occurred_at, entry.resource_id, entry.cause_number, entry.organisation_id,
                   entry.actor_id, acting.id, entry.project_id, entry.action, entry.resource_type, entry.door,
                   entry.actor_role, CASE WHEN told.people IS NULL THEN entry.resource_name ELSE chr(26) || '1' END,
                   entry.project_name, COALESCE(told.summary, entry.summary), COALESCE(told.changes, entry.changes),
                   told.people
              FROM activity_entries_before AS entry
              LEFT JOIN activity_people AS acting
                ON acting.organisation_id = entry.organisation_id AND acting.user_id = entry.actor_id
               AND acting.name = replace(entry.actor_name, chr(26), '?')
             CROSS JOIN LATERAL slots_of(entry) AS told
             WHERE entry.organisation_id = head.organisation_id
               AND entry.number > edge AND entry.number <= edge + 100000
             ORDER BY entry.number;
        END LOOP;
    END LOOP;
    IF (SELECT count(*) FROM activity_entries) <> (SELECT count(*) FROM activity_entries_before) THEN
        RAISE EXCEPTION 'not every entry was carried over';
    END IF;
END $$;
DROP FUNCTION slots_of;
DROP FUNCTION inviter_of;
DROP TABLE activity_entries_before;
DELETE FROM activity_names WHERE resource_type::text IN ('user', 'invitation');

ALTER TABLE activity_entries ADD PRIMARY KEY (organisation_id, number);
-- A person's feed: equal times are put in order by number when read, which keeps the index tuple at 16 bytes.
CREATE INDEX activity_of_actor ON activity_entries (organisation_id, actor_id, occurred_at) WHERE actor_id IS NOT NULL;
CREATE INDEX activity_of_project ON activity_entries (organisation_id, project_id, number) WHERE project_id IS NOT NULL;
CREATE INDEX activity_of_resource ON activity_entries (organisation_id, resource_type, resource_id, number);
CREATE INDEX activity_of_cause ON activity_entries (organisation_id, cause_number, number)
    WHERE cause_number IS NOT NULL;
CREATE INDEX activity_of_class ON activity_entries (organisation_id, resource_type, action, door, number);
-- Few entries are about people: those of an invited address are found by nothing else.
CREATE INDEX activity_of_subject ON activity_entries (organisation_id, (people[1]), number) WHERE people IS NOT NULL;
CREATE TRIGGER activity_entries_are_permanent BEFORE UPDATE OR DELETE OR TRUNCATE ON activity_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_the_log();
ALTER TABLE activity_entries ENABLE ALWAYS TRIGGER activity_entries_are_permanent;
REVOKE ALL ON activity_entries FROM {app};
GRANT SELECT ON activity_entries TO {app};
ANALYZE activity_entries;
ANALYZE activity_people;
