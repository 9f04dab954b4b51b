-- Invitations are told by the log. Those from before have no inviter to take them along, and no entry to be caused by.
ALTER TYPE activity_resource ADD VALUE 'invitation';
ALTER TABLE invitations
    ADD COLUMN version integer NOT NULL DEFAULT 1,
    ADD COLUMN inviter_id integer,
    ADD COLUMN mailed boolean NOT NULL DEFAULT false;
ALTER TABLE invitations ALTER COLUMN version DROP DEFAULT, ALTER COLUMN mailed DROP DEFAULT;
CREATE INDEX invitations_of_email ON invitations (email) WHERE used_at IS NULL;
CREATE INDEX invitations_open ON invitations (expires_at) WHERE used_at IS NULL;

-- When the person last showed that mail to their address reaches them; NULL: never.
ALTER TABLE users
    ADD COLUMN verified_at timestamptz,
    ADD COLUMN mails_deployments boolean NOT NULL DEFAULT true,
    ADD COLUMN mails_balance boolean NOT NULL DEFAULT true;

-- Links for one person, one purpose and one use. No foreign key: it would lock the person's row, which sign-ins read.
CREATE TABLE account_links (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id    integer NOT NULL,
    purpose    varchar(16) NOT NULL CHECK (purpose IN ('reset', 'verify')),
    email      varchar(254) NOT NULL,
    token_hash bytea NOT NULL UNIQUE,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX account_links_of_user ON account_links (user_id) WHERE used_at IS NULL;

-- Mail to be sent: a job of its own kind. It belongs to whoever it is addressed to, not to an organisation. `content` is
-- sealed, since it may hold the token of a link, and emptied once the mail is sent or given up.
CREATE TABLE mails (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    recipient   varchar(254) NOT NULL,
    content     text NOT NULL,
    state       varchar(16) NOT NULL DEFAULT 'ready' CHECK (state IN ('ready', 'finished', 'stuck')),
    token       integer NOT NULL DEFAULT 0,
    attempts    integer NOT NULL DEFAULT 0,
    lease_until timestamptz,
    due_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    error       text,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz
);
CREATE INDEX mails_ready ON mails (due_at) WHERE state = 'ready';

GRANT SELECT, INSERT, UPDATE ON account_links, mails TO {app};
