-- As 0020_door.sql has it, and entries of which no leaf can be made are refused.
CREATE OR REPLACE FUNCTION write_entries(
    organisation integer, ids bigint[], names text[], acting_id integer, acting_name text, acting_role text,
    through activity_door, done activity_action, type activity_resource, of_project integer, of_project_name text,
    before text, after text, changed jsonb, cause bigint, what text, spoken_ids integer[], spoken_names text[]
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    size bigint := cardinality(ids);
    last bigint;
    acting integer;
    others integer[];
BEGIN
    IF size IS NULL OR size = 0 OR cardinality(names) IS DISTINCT FROM size THEN
        RAISE EXCEPTION 'entries need as many names as ids, and at least one' USING ERRCODE = 'check_violation';
    END IF;
    IF cardinality(spoken_ids) IS DISTINCT FROM cardinality(spoken_names) OR cardinality(spoken_ids) > 8 THEN
        RAISE EXCEPTION 'people need as many names as ids, and at most 8' USING ERRCODE = 'check_violation';
    END IF;
    -- Whatever has no canonical form could never be sealed, nor anything after it. Numbers must be whole, and within what
    -- a double holds exactly; '1.0' is not the '1' that others would print.
    IF 9007199254740991 < ANY(ids) OR -9007199254740991 > ANY(ids)
       OR jsonb_path_exists(changed, 'strict $.**{16 to last}')
       OR EXISTS (SELECT FROM jsonb_path_query(changed, 'strict $.** ? (@.type() == "number")') AS number
                   WHERE number::text !~ '^-?[0-9]{1,16}$'
                      OR number::numeric NOT BETWEEN -9007199254740991 AND 9007199254740991) THEN
        RAISE EXCEPTION 'an entry holds whole numbers up to 2^53, and its changes are not nested deeply'
            USING ERRCODE = 'check_violation';
    END IF;
    UPDATE public.activity_heads SET last_number = last_number + size
     WHERE organisation_id = organisation RETURNING last_number - size INTO last;
    IF last IS NULL THEN
        RAISE EXCEPTION 'organisation % has no head row', organisation USING ERRCODE = 'no_data_found';
    END IF;
    IF cause NOT BETWEEN 1 AND last THEN
        RAISE EXCEPTION 'entry % cannot be the cause of entry %', cause, last + 1 USING ERRCODE = 'check_violation';
    END IF;
    IF acting_id IS NOT NULL THEN
        acting := public.person_of(organisation, acting_id, acting_name);
    END IF;
    FOR place IN 1 .. COALESCE(cardinality(spoken_ids), 0) LOOP
        others := others || public.person_of(organisation, spoken_ids[place], spoken_names[place]);
    END LOOP;
    IF type IN ('user', 'invitation') THEN
        INSERT INTO public.activity_entries (
            organisation_id, number, actor_id, actor_person, actor_role, door, action, resource_type, resource_id,
            resource_name, project_id, project_name, summary, changes, cause_number, people)
        SELECT organisation, last + each.place, acting_id, acting, acting_role, through, done, type, each.id,
               chr(26) || '1', of_project, of_project_name, before || chr(26) || '1' || after, changed, cause,
               public.person_of(organisation, CASE type WHEN 'user' THEN each.id::integer END, each.name) || others
          FROM unnest(ids, names) WITH ORDINALITY AS each (id, name, place);
    ELSE
        INSERT INTO public.activity_entries (
            organisation_id, number, actor_id, actor_person, actor_role, door, action, resource_type, resource_id,
            resource_name, project_id, project_name, summary, changes, cause_number, people)
        SELECT organisation, last + each.place, acting_id, acting, acting_role, through, done, type, each.id,
               each.name, of_project, of_project_name, before || each.name || after, changed, cause, others
          FROM unnest(ids, names) WITH ORDINALITY AS each (id, name, place);
        IF size = 1 OR done IN ('create', 'update') THEN
            INSERT INTO public.activity_names (organisation_id, resource_type, resource_id, name)
            SELECT organisation, type, each.id, each.name FROM unnest(ids, names) AS each (id, name)
                ON CONFLICT DO NOTHING;
        END IF;
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
