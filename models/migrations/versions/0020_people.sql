-- Whom the log speaks of. An entry holds the id of who acted and of the people it speaks of; their names and addresses
-- are here, each once in an organisation, and can be emptied without a change to any entry. What stays then is the
-- commitment, SHA-256 of salt and name: it is what is proven of an entry, and tells nothing without the salt.
CREATE TABLE activity_people (
    organisation_id integer NOT NULL,
    id              integer GENERATED ALWAYS AS IDENTITY,
    -- NULL: an address that was invited, of which it is not known whose it is.
    user_id         integer,
    -- Without the character that begins a slot: names are put into the place of slots one after the other.
    name            text CHECK (strpos(name, chr(26)) = 0),
    salt            bytea CHECK (length(salt) = 32),
    commitment      bytea NOT NULL CHECK (length(commitment) = 32),
    erased_as       text CHECK (erased_as ~ '^[0-9a-f]{4,32}$'),
    shown           text NOT NULL GENERATED ALWAYS AS (COALESCE(name, 'erased person ' || erased_as)) STORED,
    PRIMARY KEY (organisation_id, id),
    CHECK ((name IS NULL) = (erased_as IS NOT NULL) AND (name IS NULL) = (salt IS NULL))
);
CREATE INDEX activity_people_of_user ON activity_people (organisation_id, (COALESCE(user_id, 0)), shown);
CREATE INDEX activity_people_by_name ON activity_people (organisation_id, (lower(shown)) COLLATE "C");
GRANT SELECT ON activity_people TO {app};

CREATE TRIGGER activity_people_are_permanent BEFORE DELETE OR TRUNCATE ON activity_people
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_the_log();
CREATE TRIGGER activity_people_are_only_erased BEFORE UPDATE ON activity_people
    FOR EACH ROW WHEN (OLD.name IS NULL OR NEW.name IS NOT NULL OR NEW.commitment <> OLD.commitment
                       OR NEW.organisation_id <> OLD.organisation_id OR NEW.id <> OLD.id
                       OR NEW.user_id IS DISTINCT FROM OLD.user_id)
    EXECUTE FUNCTION refuse_to_change_the_log();
ALTER TABLE activity_people ENABLE ALWAYS TRIGGER activity_people_are_permanent;
ALTER TABLE activity_people ENABLE ALWAYS TRIGGER activity_people_are_only_erased;

-- Finds someone as they are called, or writes them down; under the lock of the organisation's head, so that nobody is
-- there twice. The salt is of 244 random bits: of a UUID's, six say that it is random.
CREATE FUNCTION person_of(organisation integer, who integer, called text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    known integer;
    salted bytea;
BEGIN
    SELECT id INTO known FROM public.activity_people
     WHERE organisation_id = organisation AND COALESCE(user_id, 0) = COALESCE(who, 0) AND shown = called
     ORDER BY id LIMIT 1;
    IF known IS NULL THEN
        salted := uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());
        INSERT INTO public.activity_people (organisation_id, user_id, name, salt, commitment)
        VALUES (organisation, who, called, salted, sha256(salted || convert_to(called, 'UTF8')))
        RETURNING id INTO known;
    END IF;
    RETURN known;
END $$;
REVOKE ALL ON FUNCTION person_of FROM PUBLIC;

-- Empties what some people are called in one organisation; returns how many of them had not been erased before.
CREATE FUNCTION erase_people(organisation integer, people integer[], tag text) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH erased AS (
        UPDATE public.activity_people SET name = NULL, salt = NULL, erased_as = tag
         WHERE organisation_id = organisation AND id = ANY(people) AND name IS NOT NULL RETURNING id)
    SELECT count(*) FROM erased
$$;
REVOKE ALL ON FUNCTION erase_people FROM PUBLIC;
GRANT EXECUTE ON FUNCTION erase_people TO {app};

-- The names in the place of the slots: U+001A and a digit, which says whose.
CREATE FUNCTION filled(told text, names text[]) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    FOR place IN 1 .. cardinality(names) LOOP
        told := replace(told, chr(26) || place, COALESCE(names[place], 'unknown person'));
    END LOOP;
    RETURN told;
END $$;
-- Of what has changed: the old and the new value of each field, of which those that are texts may be people.
CREATE FUNCTION filled(told jsonb, names text[]) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT jsonb_object_agg(field.key, (
        SELECT jsonb_agg(CASE WHEN jsonb_typeof(each.value) = 'string'
                              THEN to_jsonb(public.filled(each.value #>> '{}', names)) ELSE each.value END
                         ORDER BY each.place)
          FROM jsonb_array_elements(field.value) WITH ORDINALITY AS each (value, place)))
      FROM jsonb_each(told) AS field
$$;
