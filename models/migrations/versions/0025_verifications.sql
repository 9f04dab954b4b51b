-- That a log was read again from its first entry and compared with what was sealed: who asked for it, and what came out.
CREATE TABLE verifications (
    organisation_id integer NOT NULL,
    id          bigint GENERATED ALWAYS AS IDENTITY,
    asked_by    integer,
    size        bigint NOT NULL DEFAULT 0,
    done        bigint NOT NULL DEFAULT 0,
    findings    jsonb,
    state       varchar(16) NOT NULL DEFAULT 'ready' CHECK (state IN ('ready', 'finished', 'stuck')),
    token       integer NOT NULL DEFAULT 0,
    attempts    integer NOT NULL DEFAULT 0,
    lease_until timestamptz,
    due_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    error       text,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    PRIMARY KEY (organisation_id, id)
);
CREATE UNIQUE INDEX verifications_under_way ON verifications (organisation_id) WHERE state = 'ready';
CREATE INDEX verifications_ready ON verifications (due_at) WHERE state = 'ready';

GRANT SELECT, INSERT, UPDATE ON verifications TO {app};
