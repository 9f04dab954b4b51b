-- What a transaction owes the log: rows have changed of which an entry of the same transaction must speak, or COMMIT is
-- refused. Triggers of the tracked tables (models/migrations/owed.py) put a row here for each statement, however many rows
-- it has changed, and take it away at once: what stays of it is the check that waits for the end of the transaction. So
-- nobody ever sees a row, and nobody can take one away to be spared. Unlogged: there is nothing to survive a crash.
CREATE UNLOGGED TABLE activity_owed (
    organisation_id integer NOT NULL,
    resource_type   activity_resource NOT NULL,
    ids             bigint[] NOT NULL
) WITH (vacuum_truncate = off);
REVOKE ALL ON activity_owed FROM PUBLIC, {app};

-- What has changed, from a tracked table's trigger: `ids` of one organisation.
CREATE FUNCTION owe_entries(organisation integer, type activity_resource, changed bigint[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    place tid;
BEGIN
    INSERT INTO public.activity_owed VALUES (organisation, type, changed) RETURNING ctid INTO place;
    DELETE FROM public.activity_owed WHERE ctid = place;
END $$;
REVOKE ALL ON FUNCTION owe_entries FROM PUBLIC;

-- Whether another entry of this transaction tells what has become of a resource that no entry is about: a founder and
-- their organisation's balance come with entry 1, an invitation is accepted by the entry of the new member, whose cause is
-- the newest entry of the invitation, and the card that was the default is not once another is.
CREATE FUNCTION is_told_otherwise(organisation integer, type activity_resource, resource bigint) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
DECLARE
    ours xid := pg_current_xact_id()::xid;
    newest bigint := (SELECT last_number FROM public.activity_heads WHERE organisation_id = organisation) - 100;
BEGIN
    RETURN CASE
        WHEN type IN ('user', 'billing') AND EXISTS (
             SELECT FROM public.activity_entries AS entry
              WHERE entry.organisation_id = organisation AND number = 1 AND entry.xmin = ours) THEN true
        WHEN type = 'billing' THEN EXISTS (
             SELECT FROM public.activity_entries AS entry
              WHERE entry.organisation_id = organisation AND number > newest AND entry.xmin = ours
                AND resource_type = 'billing' AND changes ? 'default')
        WHEN type = 'invitation' THEN EXISTS (
             SELECT FROM public.activity_entries AS entry
              WHERE entry.organisation_id = organisation AND number > newest AND entry.xmin = ours
                AND resource_type = 'user' AND action = 'create'
                AND cause_number IS NOT DISTINCT FROM (
                    SELECT max(number) FROM public.activity_entries AS told
                     WHERE told.organisation_id = organisation AND resource_type = 'invitation'
                       AND resource_id = resource))
        ELSE false
    END;
END $$;
REVOKE ALL ON FUNCTION is_told_otherwise FROM PUBLIC;

-- At COMMIT. What belongs to a transaction bears its id (xmin); entries that were written in a savepoint do not, and do
-- not count. Of many rows the entries are looked for where they must be, at the end of the log, in one go; of what is not
-- there, the newest entry of each is looked at: numbers are handed out in order, so if one is ours, that is.
CREATE FUNCTION require_entries() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    ours xid := pg_current_xact_id()::xid;
    open bigint[] := NEW.ids;
    untold bigint;
    newest bigint;
BEGIN
    IF cardinality(open) > 20 THEN
        newest := (SELECT last_number FROM public.activity_heads WHERE organisation_id = NEW.organisation_id);
        -- By number alone, and between two of them, so that the planner walks the key, of which it knows little is asked.
        open := ARRAY(
            SELECT unnest(open)
            EXCEPT
            SELECT resource_id FROM public.activity_entries AS entry
             WHERE organisation_id = NEW.organisation_id AND number BETWEEN newest - cardinality(open) - 20 AND newest
               AND resource_type::text = NEW.resource_type::text AND entry.xmin = ours);
    END IF;
    SELECT id INTO untold FROM unnest(open) AS id
     WHERE ours IS DISTINCT FROM (
           SELECT entry.xmin FROM public.activity_entries AS entry
            WHERE organisation_id = NEW.organisation_id AND resource_type = NEW.resource_type AND resource_id = id
            ORDER BY number DESC LIMIT 1)
       AND NOT public.is_told_otherwise(NEW.organisation_id, NEW.resource_type, id)
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% % of organisation % has changed, and no entry of this transaction says so',
              NEW.resource_type, untold, NEW.organisation_id
              USING ERRCODE = 'AL001', HINT = 'Call the verb that records it. Nothing of this transaction is kept.';
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION require_entries FROM PUBLIC;
CREATE CONSTRAINT TRIGGER activity_owed_is_told AFTER INSERT ON activity_owed
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION require_entries();
ALTER TABLE activity_owed ENABLE ALWAYS TRIGGER activity_owed_is_told;
