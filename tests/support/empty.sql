-- DELETE where there is little and TRUNCATE where there is much: TRUNCATE makes new files for every table and index,
-- which takes five times as long as removing the few rows that most tests leave.
DO $$
DECLARE
    each text;
BEGIN
    SET LOCAL session_replication_role = replica;
    ALTER TABLE activity_entries DISABLE TRIGGER ALL;
    ALTER TABLE activity_heads DISABLE TRIGGER ALL;
    ALTER TABLE activity_people DISABLE TRIGGER ALL;
    FOR each IN SELECT quote_ident(tablename) FROM pg_tables
                 WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
        IF pg_relation_size(each::regclass) > 65536 THEN
            EXECUTE format('TRUNCATE %s CASCADE', each);
        ELSE
            EXECUTE format('DELETE FROM %s', each);
        END IF;
    END LOOP;
    PERFORM setval(quote_ident(sequencename)::regclass, 1, false) FROM pg_sequences WHERE schemaname = 'public';
    ALTER TABLE activity_entries ENABLE ALWAYS TRIGGER activity_entries_are_permanent;
    ALTER TABLE activity_heads ENABLE ALWAYS TRIGGER activity_heads_are_permanent;
    ALTER TABLE activity_heads ENABLE ALWAYS TRIGGER activity_heads_only_grow;
    ALTER TABLE activity_people ENABLE ALWAYS TRIGGER activity_people_are_permanent;
    ALTER TABLE activity_people ENABLE ALWAYS TRIGGER activity_people_are_only_erased;
END $$;
