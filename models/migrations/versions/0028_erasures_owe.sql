-- As 0020_people.sql has it, and whoever is erased is owed an entry, as for any other change: of someone without an account,
-- whose id is 0 here, any entry of the same transaction about one who was erased.
CREATE OR REPLACE FUNCTION erase_people(organisation integer, people integer[], tag text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    erased bigint[];
BEGIN
    WITH emptied AS (
        UPDATE public.activity_people SET name = NULL, salt = NULL, erased_as = tag
         WHERE organisation_id = organisation AND id = ANY(people) AND name IS NOT NULL RETURNING user_id)
    SELECT array_agg(COALESCE(user_id, 0)) INTO erased FROM emptied;
    IF erased IS NOT NULL THEN
        PERFORM public.owe_entries(organisation, 'user', erased);
    END IF;
    RETURN COALESCE(cardinality(erased), 0);
END $$;

CREATE OR REPLACE FUNCTION is_told_otherwise(organisation integer, type activity_resource, resource bigint) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
DECLARE
    ours xid := pg_current_xact_id()::xid;
    newest bigint := (SELECT last_number FROM public.activity_heads WHERE organisation_id = organisation) - 100;
BEGIN
    RETURN CASE
        WHEN type IN ('user', 'billing') AND EXISTS (
             SELECT FROM public.activity_entries AS entry
              WHERE entry.organisation_id = organisation AND number = 1 AND entry.xmin = ours) THEN true
        WHEN type = 'user' AND resource = 0 THEN EXISTS (
             SELECT FROM public.activity_entries AS entry
               JOIN public.activity_people AS person
                 ON person.organisation_id = organisation AND person.id = entry.people[1]
                AND person.erased_as IS NOT NULL
              WHERE entry.organisation_id = organisation AND number > newest AND entry.xmin = ours)
        WHEN type = 'billing' THEN EXISTS (
             SELECT FROM public.activity_entries AS entry
              WHERE entry.organisation_id = organisation AND number > newest AND entry.xmin = ours
                AND resource_type = 'billing' AND changes ? 'default')
        WHEN type = 'invitation' AND EXISTS (
             SELECT FROM public.activity_entries AS entry
               JOIN public.activity_people AS person
                 ON person.organisation_id = organisation AND person.id = entry.people[1]
               JOIN public.invitations AS erased
                 ON erased.organisation_id = organisation AND erased.id = resource
                AND erased.email = person.erased_as || '@erased.invalid'
              WHERE entry.organisation_id = organisation AND number > newest AND entry.xmin = ours) THEN true
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
