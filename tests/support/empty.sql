-- DELETE where there is little and TRUNCATE where there is much: TRUNCATE makes new files for every table and index,
-- which takes five times as long as removing the few rows that most tests leave.
DO $$
DECLARE
    each text;
    -- What is on even for a replica: the guards of the log. Without the one that asks whether all is told, what the
    -- others owe does not matter.
    guards text[] := ARRAY(SELECT format('%s DISABLE TRIGGER %I', tgrelid::regclass, tgname)
                             FROM pg_trigger WHERE tgenabled = 'A' AND NOT tgisinternal AND tgname !~ '_owe_for_');
BEGIN
    SET LOCAL session_replication_role = replica;
    FOREACH each IN ARRAY guards LOOP
        EXECUTE 'ALTER TABLE ' || each;
    END LOOP;
    FOR each IN SELECT quote_ident(tablename) FROM pg_tables
                 WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
        IF pg_relation_size(each::regclass) > 65536 THEN
            EXECUTE format('TRUNCATE %s CASCADE', each);
        ELSE
            EXECUTE format('DELETE FROM %s', each);
        END IF;
    END LOOP;
    PERFORM setval(quote_ident(sequencename)::regclass, 1, false) FROM pg_sequences WHERE schemaname = 'public';
    -- Also those that the test before has left off.
    FOR each IN SELECT format('%s ENABLE ALWAYS TRIGGER %I', tgrelid::regclass, tgname)
                  FROM pg_trigger WHERE tgenabled = 'D' AND NOT tgisinternal LOOP
        EXECUTE 'ALTER TABLE ' || each;
    END LOOP;
END $$;
