DO $$
DECLARE
    everything text;
BEGIN
    SELECT string_agg(quote_ident(tablename), ', ') INTO everything
      FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version';
    ALTER TABLE activity_entries DISABLE TRIGGER ALL;
    ALTER TABLE activity_heads DISABLE TRIGGER ALL;
    EXECUTE 'TRUNCATE ' || everything || ' RESTART IDENTITY CASCADE';
    ALTER TABLE activity_entries ENABLE ALWAYS TRIGGER activity_entries_are_permanent;
    ALTER TABLE activity_heads ENABLE ALWAYS TRIGGER activity_heads_are_permanent;
END $$;
