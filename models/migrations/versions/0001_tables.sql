-- Every table that belongs to an organisation has organisation_id first in its primary key, in every UNIQUE and in every
-- foreign key: the keys are ready for spreading organisations over servers. The code is not; docs/why.md says what is missing.
-- users, organisations and memberships stay small.

CREATE TABLE users (
    id            integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email         varchar(254) NOT NULL UNIQUE,
    name          varchar(77) NOT NULL,
    password_hash text NOT NULL,
    session_epoch integer NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE organisations (
    id         integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    handle     varchar(51) NOT NULL UNIQUE,
    name       varchar(77) NOT NULL,
    email      varchar(254) NOT NULL,
    state      varchar(16) NOT NULL CHECK (state IN ('active', 'suspended', 'deleting', 'deleted')),
    version    integer NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at   timestamptz
);

CREATE TABLE memberships (
    organisation_id integer NOT NULL REFERENCES organisations,
    user_id         integer NOT NULL REFERENCES users,
    role            varchar(16) NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
    version         integer NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (organisation_id, user_id)
);
CREATE INDEX memberships_of_user ON memberships (user_id);

CREATE TABLE invitations (
    organisation_id integer NOT NULL REFERENCES organisations,
    id              bigint GENERATED ALWAYS AS IDENTITY,
    email           varchar(254) NOT NULL,
    role            varchar(16) NOT NULL CHECK (role IN ('owner', 'admin', 'member', 'viewer')),
    token_hash      bytea NOT NULL,
    invited_by      varchar(77) NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    expires_at      timestamptz NOT NULL,
    used_at         timestamptz,
    PRIMARY KEY (organisation_id, id),
    UNIQUE (organisation_id, token_hash)
);

CREATE TABLE projects (
    organisation_id integer NOT NULL REFERENCES organisations,
    id              integer GENERATED ALWAYS AS IDENTITY,
    handle          varchar(51) NOT NULL,
    name            varchar(77) NOT NULL,
    state           varchar(16) NOT NULL CHECK (state IN ('active', 'deleting', 'deleted')),
    version         integer NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    ended_at        timestamptz,
    PRIMARY KEY (organisation_id, id),
    UNIQUE (organisation_id, handle)
);
CREATE INDEX projects_alive ON projects (organisation_id, id) WHERE state <> 'deleted';

-- The four kinds. Alive means ended_at IS NULL: handles are unique among the living, and free again after the end.
CREATE TABLE containers (
    organisation_id integer NOT NULL,
    id              bigint GENERATED ALWAYS AS IDENTITY,
    project_id      integer NOT NULL,
    handle          varchar(51) NOT NULL,
    name            varchar(77) NOT NULL,
    state           varchar(16) NOT NULL CHECK (state IN ('active', 'suspended', 'terminated')),
    version         integer NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    ended_at        timestamptz,
    image           varchar(255) NOT NULL,
    registry_handle varchar(51),
    port            integer NOT NULL CHECK (port BETWEEN 1 AND 65535),
    health_path     varchar(255) NOT NULL,
    cpu_millicores  integer NOT NULL CHECK (cpu_millicores >= 20),
    memory_mib      integer NOT NULL CHECK (memory_mib >= 64),
    environment     text NOT NULL,
    secrets         varchar(51)[] NOT NULL,
    PRIMARY KEY (organisation_id, id),
    FOREIGN KEY (organisation_id, project_id) REFERENCES projects
);

CREATE TABLE memcached (
    organisation_id integer NOT NULL,
    id              bigint GENERATED ALWAYS AS IDENTITY,
    project_id      integer NOT NULL,
    handle          varchar(51) NOT NULL,
    name            varchar(77) NOT NULL,
    state           varchar(16) NOT NULL CHECK (state IN ('active', 'suspended', 'terminated')),
    version         integer NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    ended_at        timestamptz,
    memory_mib      integer NOT NULL CHECK (memory_mib BETWEEN 64 AND 8192),
    nodes           integer NOT NULL CHECK (nodes BETWEEN 1 AND 9),
    max_item_mib    integer NOT NULL CHECK (max_item_mib BETWEEN 1 AND 128),
    PRIMARY KEY (organisation_id, id),
    FOREIGN KEY (organisation_id, project_id) REFERENCES projects
);

CREATE TABLE registries (
    organisation_id integer NOT NULL,
    id              bigint GENERATED ALWAYS AS IDENTITY,
    project_id      integer NOT NULL,
    handle          varchar(51) NOT NULL,
    state           varchar(16) NOT NULL CHECK (state IN ('active', 'deleted')),
    version         integer NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    ended_at        timestamptz,
    server          varchar(255) NOT NULL,
    username        varchar(255) NOT NULL,
    password        text NOT NULL,
    PRIMARY KEY (organisation_id, id),
    FOREIGN KEY (organisation_id, project_id) REFERENCES projects
);

CREATE TABLE secrets (
    organisation_id integer NOT NULL,
    id              bigint GENERATED ALWAYS AS IDENTITY,
    project_id      integer NOT NULL,
    handle          varchar(51) NOT NULL,
    state           varchar(16) NOT NULL CHECK (state IN ('active', 'deleted')),
    version         integer NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    ended_at        timestamptz,
    value           text NOT NULL,
    PRIMARY KEY (organisation_id, id),
    FOREIGN KEY (organisation_id, project_id) REFERENCES projects
);

-- One index for the living by handle, one for cascades and lists by id, one for the ended by handle. The last two are
-- partial in opposite ways: ending a resource moves it from one to the other.
CREATE UNIQUE INDEX containers_handle ON containers (organisation_id, project_id, handle) WHERE ended_at IS NULL;
CREATE INDEX containers_alive ON containers (organisation_id, project_id, id) WHERE ended_at IS NULL;
CREATE INDEX containers_ended ON containers (organisation_id, project_id, handle, id) WHERE ended_at IS NOT NULL;
CREATE UNIQUE INDEX memcached_handle ON memcached (organisation_id, project_id, handle) WHERE ended_at IS NULL;
CREATE INDEX memcached_alive ON memcached (organisation_id, project_id, id) WHERE ended_at IS NULL;
CREATE INDEX memcached_ended ON memcached (organisation_id, project_id, handle, id) WHERE ended_at IS NOT NULL;
CREATE UNIQUE INDEX registries_handle ON registries (organisation_id, project_id, handle) WHERE ended_at IS NULL;
CREATE INDEX registries_alive ON registries (organisation_id, project_id, id) WHERE ended_at IS NULL;
CREATE INDEX registries_ended ON registries (organisation_id, project_id, handle, id) WHERE ended_at IS NOT NULL;
CREATE UNIQUE INDEX secrets_handle ON secrets (organisation_id, project_id, handle) WHERE ended_at IS NULL;
CREATE INDEX secrets_alive ON secrets (organisation_id, project_id, id) WHERE ended_at IS NULL;
CREATE INDEX secrets_ended ON secrets (organisation_id, project_id, handle, id) WHERE ended_at IS NOT NULL;

CREATE TABLE billing_accounts (
    organisation_id integer PRIMARY KEY REFERENCES organisations,
    balance_cents   bigint NOT NULL DEFAULT 0,
    auto_top_up     boolean NOT NULL,
    threshold_cents integer NOT NULL,
    amount_cents    integer NOT NULL,
    version         integer NOT NULL
);

CREATE TABLE payment_methods (
    organisation_id integer NOT NULL REFERENCES organisations,
    id              bigint GENERATED ALWAYS AS IDENTITY,
    brand           varchar(20) NOT NULL,
    last_four       varchar(4) NOT NULL CHECK (last_four ~ '^[0-9]{4}$'),
    expiry_month    integer NOT NULL CHECK (expiry_month BETWEEN 1 AND 12),
    expiry_year     integer NOT NULL,
    is_default      boolean NOT NULL,
    version         integer NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    removed_at      timestamptz,
    PRIMARY KEY (organisation_id, id)
);
CREATE UNIQUE INDEX payment_methods_default ON payment_methods (organisation_id) WHERE is_default;

CREATE TABLE ledger (
    organisation_id     integer NOT NULL REFERENCES organisations,
    id                  bigint GENERATED ALWAYS AS IDENTITY,
    at                  timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind                varchar(16) NOT NULL CHECK (kind IN ('top_up', 'charge', 'adjustment')),
    amount_cents        bigint NOT NULL,
    balance_after_cents bigint NOT NULL,
    description         varchar(200) NOT NULL,
    request_id          uuid,
    PRIMARY KEY (organisation_id, id),
    UNIQUE (organisation_id, request_id)
);

-- Promises. `token` fences: a worker whose lease ran out and was taken over can no longer write.
CREATE TABLE jobs (
    organisation_id integer NOT NULL REFERENCES organisations,
    id              bigint GENERATED ALWAYS AS IDENTITY,
    work            varchar(32) NOT NULL,
    project_id      integer,
    cause_number    bigint NOT NULL,
    state           varchar(16) NOT NULL DEFAULT 'ready' CHECK (state IN ('ready', 'finished', 'stuck')),
    token           integer NOT NULL DEFAULT 0,
    attempts        integer NOT NULL DEFAULT 0,
    lease_until     timestamptz,
    due_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    total           integer,
    done            integer NOT NULL DEFAULT 0,
    error           text,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at     timestamptz,
    PRIMARY KEY (organisation_id, id)
);
CREATE INDEX jobs_ready ON jobs (due_at) WHERE state = 'ready';

GRANT USAGE ON SCHEMA public TO {app};
GRANT SELECT, INSERT, UPDATE ON users, organisations, invitations, projects, containers, memcached, registries, secrets,
    billing_accounts, payment_methods, jobs TO {app};
GRANT SELECT, INSERT, UPDATE, DELETE ON memberships TO {app};
GRANT SELECT, INSERT ON ledger TO {app};
