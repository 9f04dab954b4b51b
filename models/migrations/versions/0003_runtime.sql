-- This installation, as the labels of its containers name it on an engine that others use too; and what its worker last
-- said of that engine.
CREATE TABLE platform (
    one             boolean PRIMARY KEY DEFAULT true CHECK (one),
    id              uuid NOT NULL DEFAULT gen_random_uuid(),
    engine          varchar(100),
    engine_error    varchar(300),
    engine_seen_at  timestamptz
);
INSERT INTO platform DEFAULT VALUES;

-- revision: what should run, one higher with every change that asks for a deployment. deployed_revision: the last one
-- that came up. status and status_reason: what was observed; never logged, and no new version of the row.
ALTER TABLE containers
    ADD COLUMN revision integer NOT NULL DEFAULT 1,
    ADD COLUMN deployed_revision integer,
    ADD COLUMN status varchar(16) CHECK (status IN ('provisioning', 'running', 'stopped', 'error')),
    ADD COLUMN status_reason varchar(300) NOT NULL DEFAULT '';
ALTER TABLE memcached
    ADD COLUMN revision integer NOT NULL DEFAULT 1,
    ADD COLUMN deployed_revision integer,
    ADD COLUMN status varchar(16) CHECK (status IN ('provisioning', 'running', 'stopped', 'error')),
    ADD COLUMN status_reason varchar(300) NOT NULL DEFAULT '';
CREATE INDEX containers_deployed ON containers (organisation_id, id) WHERE deployed_revision IS NOT NULL;
CREATE INDEX memcached_deployed ON memcached (organisation_id, id) WHERE deployed_revision IS NOT NULL;

-- A promise to bring a revision up, with the same lease and fencing token as a job.
CREATE TABLE deployments (
    organisation_id integer NOT NULL REFERENCES organisations,
    noun            varchar(16) NOT NULL CHECK (noun IN ('container', 'memcached')),
    resource_id     bigint NOT NULL,
    revision        integer NOT NULL,
    what            varchar(300) NOT NULL,
    cause_number    bigint NOT NULL,
    status          varchar(16) NOT NULL DEFAULT 'provisioning'
                    CHECK (status IN ('provisioning', 'running', 'error', 'cancelled')),
    reason          varchar(300) NOT NULL DEFAULT '',
    token           integer NOT NULL DEFAULT 0,
    attempts        integer NOT NULL DEFAULT 0,
    lease_until     timestamptz,
    due_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    asked_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at        timestamptz,
    PRIMARY KEY (organisation_id, noun, resource_id, revision)
);
CREATE INDEX deployments_due ON deployments (due_at) WHERE status = 'provisioning';

-- What was there before deployments were: the newest entry about it asks for its first one.
INSERT INTO deployments (organisation_id, noun, resource_id, revision, what, cause_number)
SELECT organisation_id, 'container', id, 1, image,
       (SELECT max(number) FROM activity_entries AS entry WHERE entry.organisation_id = containers.organisation_id
           AND resource_type = 'container' AND resource_id = containers.id)
  FROM containers WHERE ended_at IS NULL AND EXISTS (
       SELECT FROM activity_entries AS entry WHERE entry.organisation_id = containers.organisation_id
           AND resource_type = 'container' AND resource_id = containers.id);
INSERT INTO deployments (organisation_id, noun, resource_id, revision, what, cause_number)
SELECT organisation_id, 'memcached', id, 1, nodes || ' × ' || memory_mib || ' MiB',
       (SELECT max(number) FROM activity_entries AS entry WHERE entry.organisation_id = memcached.organisation_id
           AND resource_type = 'memcached' AND resource_id = memcached.id)
  FROM memcached WHERE ended_at IS NULL AND EXISTS (
       SELECT FROM activity_entries AS entry WHERE entry.organisation_id = memcached.organisation_id
           AND resource_type = 'memcached' AND resource_id = memcached.id);

GRANT SELECT, INSERT, UPDATE ON deployments, platform TO {app};
