-- What a search of the log starts from where it is not an organisation, a project, a resource, a person or a cause.

-- One index for four things that have few values each: what happened, to which kind of thing, through which door, and,
-- since nobody else comes in by the worker's, what "system" did. Entries written together lie beside each other in it.
CREATE INDEX activity_of_class ON activity_entries (organisation_id, resource_type, action, door, number);

-- Every name that a resource had in the log, and every name that a person acted under, once. Written when a name first
-- appears: what ends together with what it is in adds nothing, its names are known. Derived from the entries: it can be
-- made anew at any time. COLLATE "C": the index then finds beginnings of names, whatever the language of the database.
CREATE TABLE activity_names (
    organisation_id integer NOT NULL,
    resource_type   activity_resource NOT NULL,
    resource_id     bigint NOT NULL,
    name            text NOT NULL,
    PRIMARY KEY (organisation_id, resource_type, resource_id, name)
);
CREATE INDEX activity_names_by_name ON activity_names (organisation_id, (lower(name)) COLLATE "C");
GRANT SELECT ON activity_names TO {app};

-- A hundred thousand entries at a time, so that a long log needs no more memory than a short one.
DO $$
DECLARE
    head record;
    edge bigint;
BEGIN
    FOR head IN SELECT organisation_id, last_number FROM activity_heads ORDER BY organisation_id LOOP
        FOR edge IN SELECT generate_series(0, head.last_number, 100000) LOOP
            INSERT INTO activity_names
            SELECT organisation_id, resource_type, resource_id, resource_name FROM activity_entries
             WHERE organisation_id = head.organisation_id AND number > edge AND number <= edge + 100000
             UNION
            SELECT organisation_id, 'user', actor_id, actor_name FROM activity_entries
             WHERE organisation_id = head.organisation_id AND number > edge AND number <= edge + 100000
               AND actor_id IS NOT NULL
                ON CONFLICT DO NOTHING;
        END LOOP;
    END LOOP;
END $$;

-- As 0004_guards.sql has it, and the names.
CREATE OR REPLACE FUNCTION write_entries(
    organisation integer, ids bigint[], names text[], acting_id integer, acting_name text, acting_role text,
    through activity_door, done activity_action, type activity_resource, of_project integer, of_project_name text,
    before text, after text, changed jsonb, cause bigint, what text
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    size bigint := cardinality(ids);
    last bigint;
BEGIN
    IF size IS NULL OR size = 0 OR cardinality(names) IS DISTINCT FROM size THEN
        RAISE EXCEPTION 'entries need as many names as ids, and at least one' USING ERRCODE = 'check_violation';
    END IF;
    UPDATE public.activity_heads SET last_number = last_number + size
     WHERE organisation_id = organisation RETURNING last_number - size INTO last;
    IF last IS NULL THEN
        RAISE EXCEPTION 'organisation % has no head row', organisation USING ERRCODE = 'no_data_found';
    END IF;
    IF cause NOT BETWEEN 1 AND last THEN
        RAISE EXCEPTION 'entry % cannot be the cause of entry %', cause, last + 1 USING ERRCODE = 'check_violation';
    END IF;
    INSERT INTO public.activity_entries (
        organisation_id, number, actor_id, actor_name, actor_role, door, action, resource_type, resource_id,
        resource_name, project_id, project_name, summary, changes, cause_number)
    SELECT organisation, last + each.place, acting_id, acting_name, acting_role, through, done, type, each.id,
           each.name, of_project, of_project_name, before || each.name || after, changed, cause
      FROM unnest(ids, names) WITH ORDINALITY AS each (id, name, place);
    IF size = 1 OR done IN ('create', 'update') OR type = 'user' THEN
        INSERT INTO public.activity_names (organisation_id, resource_type, resource_id, name)
        SELECT organisation, type, each.id, each.name FROM unnest(ids, names) AS each (id, name)
            ON CONFLICT DO NOTHING;
    END IF;
    IF acting_id IS NOT NULL THEN
        INSERT INTO public.activity_names (organisation_id, resource_type, resource_id, name)
        VALUES (organisation, 'user', acting_id, acting_name) ON CONFLICT DO NOTHING;
    END IF;
    IF cause IS NOT NULL THEN
        -- Under the head's lock: whoever wrote the number before ours has committed, and nobody else adds to the run.
        UPDATE public.activity_runs
           SET last_number = last + size,
               project_id = CASE WHEN project_id = of_project THEN project_id END,
               tally = tally || jsonb_build_object(what, COALESCE((tally ->> what)::bigint, 0) + size)
         WHERE organisation_id = organisation AND cause_number = cause AND last_number = last;
        IF NOT FOUND THEN
            INSERT INTO public.activity_runs (
                organisation_id, first_number, last_number, cause_number, project_id, tally)
            VALUES (organisation, last + 1, last + size, cause, of_project, jsonb_build_object(what, size));
        END IF;
    END IF;
    RETURN last + 1;
END $$;
