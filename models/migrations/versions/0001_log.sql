-- The log. Permanent and read-only: who writes it has no other right than to add, and not even the owner of the table
-- can change or remove what is in it.

CREATE TYPE activity_action AS ENUM ('create', 'update', 'delete', 'terminate');
CREATE TYPE activity_resource AS ENUM (
    'organisation', 'project', 'container', 'memcached', 'registry', 'secret', 'user', 'billing');
CREATE TYPE activity_door AS ENUM ('web', 'api', 'worker', 'cli');

-- Hands out the numbers. Its row is locked last in every transaction, right before COMMIT. Many updates, one small
-- row: room on the page keeps them HOT.
CREATE TABLE activity_heads (
    organisation_id integer PRIMARY KEY,
    last_number     bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- No foreign keys: what an entry speaks of is renamed and deleted, and the entry still says what was true then.
-- Fixed-width columns first, the widest before the narrower: no padding.
CREATE TABLE activity_entries (
    number          bigint NOT NULL,
    occurred_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    resource_id     bigint NOT NULL,
    cause_number    bigint,
    organisation_id integer NOT NULL,
    actor_id        integer,
    project_id      integer,
    action          activity_action NOT NULL,
    resource_type   activity_resource NOT NULL,
    door            activity_door NOT NULL,
    actor_name      text NOT NULL,
    actor_role      text,
    resource_name   text NOT NULL,
    project_name    text,
    summary         text NOT NULL,
    changes         jsonb,
    PRIMARY KEY (organisation_id, number)
);
-- A person's feed: equal times are put in order by number when read, which keeps the index tuple at 16 bytes.
CREATE INDEX activity_of_actor ON activity_entries (organisation_id, actor_id, occurred_at) WHERE actor_id IS NOT NULL;
CREATE INDEX activity_of_project ON activity_entries (organisation_id, project_id, number) WHERE project_id IS NOT NULL;
CREATE INDEX activity_of_resource ON activity_entries (organisation_id, resource_type, resource_id, number);
CREATE INDEX activity_of_cause ON activity_entries (organisation_id, cause_number, number)
    WHERE cause_number IS NOT NULL;

CREATE FUNCTION refuse_to_change_the_log() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the activity log is permanent: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER activity_entries_are_permanent BEFORE UPDATE OR DELETE OR TRUNCATE ON activity_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_the_log();
CREATE TRIGGER activity_heads_are_permanent BEFORE DELETE OR TRUNCATE ON activity_heads
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_the_log();
-- A number that was handed out is never handed out again.
CREATE TRIGGER activity_heads_only_grow BEFORE UPDATE ON activity_heads
    FOR EACH ROW WHEN (NEW.last_number <= OLD.last_number OR NEW.organisation_id <> OLD.organisation_id)
    EXECUTE FUNCTION refuse_to_change_the_log();
-- ALWAYS: also when a session pretends to be a replica (session_replication_role).
ALTER TABLE activity_entries ENABLE ALWAYS TRIGGER activity_entries_are_permanent;
ALTER TABLE activity_heads ENABLE ALWAYS TRIGGER activity_heads_are_permanent;
ALTER TABLE activity_heads ENABLE ALWAYS TRIGGER activity_heads_only_grow;

-- occurred_at is not among them: nobody can write an entry for another time than now.
GRANT SELECT ON activity_entries, activity_heads TO {app};
GRANT INSERT (organisation_id, number, actor_id, actor_name, actor_role, door, action, resource_type, resource_id,
              resource_name, project_id, project_name, summary, changes, cause_number) ON activity_entries TO {app};
GRANT INSERT (organisation_id) ON activity_heads TO {app};
GRANT UPDATE (last_number) ON activity_heads TO {app};
