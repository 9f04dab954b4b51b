-- What some people are called, in the order of their slots. In a function, with a plan that is kept: few entries speak of
-- people, and each subquery in the statement of a page would be planned for every page.
CREATE FUNCTION names_of(organisation integer, people integer[]) RETURNS text[]
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    names text[];
    called text;
BEGIN
    FOR place IN 1 .. COALESCE(cardinality(people), 0) LOOP
        SELECT shown INTO called FROM public.activity_people
         WHERE organisation_id = organisation AND id = people[place];
        names[place] := called;
    END LOOP;
    RETURN names;
END $$;

-- Payments and the ledger say who topped up, and the application can change neither. For someone who was erased in the
-- organisation, and for nobody else, this puts what they are shown as in the place of their names; no amount, no time.
CREATE FUNCTION erase_payer(organisation integer, who integer, names text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    called text;
    erased text;
BEGIN
    SELECT person.shown INTO erased FROM public.activity_people AS person
     WHERE organisation_id = organisation AND COALESCE(user_id, 0) = who AND erased_as IS NOT NULL LIMIT 1;
    IF erased IS NULL THEN
        RAISE EXCEPTION 'user % was not erased in organisation %', who, organisation USING ERRCODE = 'check_violation';
    END IF;
    FOREACH called IN ARRAY names LOOP
        UPDATE public.ledger SET description = left(left(description, -length(called)) || erased, 200)
         WHERE organisation_id = organisation AND right(description, length(called) + 4) = ' by ' || called
           AND (request_id IN (SELECT id FROM public.payments
                                WHERE organisation_id = organisation AND actor_id = who)
                OR entry_number IN (SELECT number FROM public.activity_entries
                                     WHERE organisation_id = organisation AND actor_id = who));
    END LOOP;
    UPDATE public.payments SET actor_name = erased WHERE organisation_id = organisation AND actor_id = who;
END $$;
REVOKE ALL ON FUNCTION erase_payer FROM PUBLIC;
GRANT EXECUTE ON FUNCTION erase_payer TO {app};

-- As 0023_owed.sql has it, and the address of an invitation is taken out of it by the entry that its person was erased.
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
