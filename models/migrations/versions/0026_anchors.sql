-- Where the installation's checkpoints go: a row an anchor, which is also the job of bringing them there. What is not
-- configured any more is off, and keeps how far it had come.
CREATE TABLE anchors (
    name            text PRIMARY KEY,
    state           varchar(10) NOT NULL DEFAULT 'ready' CHECK (state IN ('ready', 'off')),
    is_alarming     boolean NOT NULL DEFAULT false,
    attempts        integer NOT NULL DEFAULT 0,
    epoch           integer NOT NULL DEFAULT 0,
    size            bigint NOT NULL DEFAULT 0,
    token           bigint NOT NULL DEFAULT 0,
    added_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    lease_until     timestamptz,
    succeeded_at    timestamptz,
    error           varchar(2000)
);
GRANT SELECT, INSERT, UPDATE ON anchors TO {app};
