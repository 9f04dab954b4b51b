-- What is remembered of something that keeps ending or fails its health check; no row as long as neither has happened.
-- models/jobs/watch.py says what each column means.
CREATE TABLE watches (
    organisation_id  integer NOT NULL REFERENCES organisations,
    noun             varchar(16) NOT NULL,
    resource_id      bigint NOT NULL,
    revision         integer NOT NULL,
    counted          jsonb NOT NULL,
    since            timestamptz,
    last_at          timestamptz,
    restarts         integer NOT NULL,
    exit_code        integer,
    out_of_memory    boolean NOT NULL,
    out_of_memory_at timestamptz,
    unhealthy        boolean NOT NULL,
    failing_since    timestamptz,
    recovered_at     timestamptz,
    relapses         integer NOT NULL,
    version          integer NOT NULL,
    PRIMARY KEY (organisation_id, noun, resource_id)
);
GRANT SELECT, INSERT, UPDATE ON watches TO {app};
