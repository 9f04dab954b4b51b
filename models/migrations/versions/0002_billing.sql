-- What is alive, as the price list counts it, and until when it was charged: both move in the transaction of the charge.
-- owed_microcents is too little for a cent so far; exhausted: a charge found nothing left; retry_at: after a decline, not
-- before this is the card asked again.
ALTER TABLE billing_accounts
    ADD COLUMN cpu_millicores bigint NOT NULL DEFAULT 0,
    ADD COLUMN memory_mib bigint NOT NULL DEFAULT 0,
    ADD COLUMN cache_mib bigint NOT NULL DEFAULT 0,
    ADD COLUMN charged_until timestamptz NOT NULL DEFAULT date_trunc('minute', clock_timestamp()),
    ADD COLUMN booked_until timestamptz NOT NULL DEFAULT date_trunc('minute', clock_timestamp()),
    ADD COLUMN owed_microcents bigint NOT NULL DEFAULT 0,
    ADD COLUMN exhausted boolean NOT NULL DEFAULT false,
    ADD COLUMN retry_at timestamptz;

UPDATE billing_accounts SET
    cpu_millicores = COALESCE((SELECT sum(cpu_millicores) FROM containers
        WHERE organisation_id = billing_accounts.organisation_id AND ended_at IS NULL), 0),
    memory_mib = COALESCE((SELECT sum(memory_mib) FROM containers
        WHERE organisation_id = billing_accounts.organisation_id AND ended_at IS NULL), 0),
    cache_mib = COALESCE((SELECT sum(memory_mib * nodes) FROM memcached
        WHERE organisation_id = billing_accounts.organisation_id AND ended_at IS NULL), 0);

-- Every change of what is alive, until the charge of its minute takes it over into the account.
CREATE TABLE usage_changes (
    organisation_id integer NOT NULL REFERENCES organisations,
    id              bigint GENERATED ALWAYS AS IDENTITY,
    at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    cpu_millicores  bigint NOT NULL,
    memory_mib      bigint NOT NULL,
    cache_mib       bigint NOT NULL,
    PRIMARY KEY (organisation_id, id)
);

ALTER TABLE ledger
    ADD COLUMN charged_from timestamptz,
    ADD COLUMN charged_until timestamptz,
    ADD CONSTRAINT ledger_charges_once UNIQUE (organisation_id, charged_from);

-- A payment is written down before the provider is asked, so that money it took is never forgotten.
CREATE TABLE payments (
    organisation_id integer NOT NULL REFERENCES organisations,
    id              uuid NOT NULL,
    method_id       bigint NOT NULL,
    amount_cents    bigint NOT NULL CHECK (amount_cents > 0),
    state           varchar(16) NOT NULL CHECK (state IN ('asked', 'taken', 'declined')),
    actor_id        integer,
    actor_name      varchar(77) NOT NULL,
    actor_role      varchar(16),
    door            varchar(8) NOT NULL,
    cause_number    bigint,
    asked_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    settled_at      timestamptz,
    PRIMARY KEY (organisation_id, id),
    FOREIGN KEY (organisation_id, method_id) REFERENCES payment_methods
);
CREATE INDEX payments_asked ON payments (asked_at) WHERE state = 'asked';

-- clean_up_at is empty when an operator suspended: that waits for the operator.
CREATE TABLE suspensions (
    organisation_id integer NOT NULL REFERENCES organisations,
    id              bigint GENERATED ALWAYS AS IDENTITY,
    by              varchar(16) NOT NULL CHECK (by IN ('balance', 'operator')),
    reason          varchar(200) NOT NULL,
    began_at        timestamptz NOT NULL,
    clean_up_at     timestamptz,
    cleaning_since  timestamptz,
    ended_at        timestamptz,
    PRIMARY KEY (organisation_id, id)
);
CREATE UNIQUE INDEX suspensions_now ON suspensions (organisation_id) WHERE ended_at IS NULL;

GRANT SELECT, INSERT, DELETE ON usage_changes TO {app};
GRANT SELECT, INSERT, UPDATE ON payments, suspensions TO {app};
