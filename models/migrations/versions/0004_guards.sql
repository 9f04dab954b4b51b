-- The door in, as the database guards it. The application's role has no right on the log but to read it and to call this
-- function: numbers are the ones that the head hands out under its lock, the head moves only with its entries, runs are
-- derived from what is written, and the time is the column's default. Whoever holds the application's password can still
-- add entries that are not true, but can leave no gap, no entry ahead of the head, and no run that never happened.
--
-- Entries that differ only in which resource they are about come in one call: `ids` and `names` are parallel. Summaries
-- are `before`, name, `after`. `what` is the run's word for them, such as "terminated container". Returns the number of
-- the first one. plpgsql keeps each statement's plan for the session; the lock is the first thing it takes.
CREATE FUNCTION write_entries(
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
REVOKE ALL ON FUNCTION write_entries FROM PUBLIC;
GRANT EXECUTE ON FUNCTION write_entries TO {app};

REVOKE ALL ON activity_entries, activity_heads, activity_runs FROM {app};
GRANT SELECT ON activity_entries, activity_heads, activity_runs TO {app};
GRANT INSERT (organisation_id) ON activity_heads TO {app};

-- What was used is evidence too: a charge marks what it has taken over, and nothing is ever removed.
ALTER TABLE usage_changes ADD COLUMN taken_at timestamptz;
CREATE INDEX usage_changes_open ON usage_changes (organisation_id, at) WHERE taken_at IS NULL;
CREATE FUNCTION take_usage(organisation integer, until timestamptz)
RETURNS TABLE (at timestamptz, cpu_millicores bigint, memory_mib bigint, cache_mib bigint)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    UPDATE public.usage_changes AS change SET taken_at = clock_timestamp()
     WHERE change.organisation_id = organisation AND change.taken_at IS NULL AND change.at < until
 RETURNING change.at, change.cpu_millicores, change.memory_mib, change.cache_mib
$$;
REVOKE ALL ON FUNCTION take_usage FROM PUBLIC;
GRANT EXECUTE ON FUNCTION take_usage TO {app};
REVOKE ALL ON usage_changes FROM {app};
GRANT SELECT, INSERT (organisation_id, cpu_millicores, memory_mib, cache_mib) ON usage_changes TO {app};

-- Times that say when something was written are the database's, wherever a column has one by default.
REVOKE ALL ON ledger FROM {app};
GRANT SELECT, INSERT (organisation_id, kind, amount_cents, balance_after_cents, description, charged_from, charged_until,
                      request_id) ON ledger TO {app};
REVOKE ALL ON payments FROM {app};
GRANT SELECT, INSERT (organisation_id, id, method_id, amount_cents, state, actor_id, actor_name, actor_role, door,
                      cause_number, settled_at), UPDATE (state, settled_at) ON payments TO {app};
