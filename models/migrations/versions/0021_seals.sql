-- What lets anyone who has kept a checkpoint tell that the log was only ever added to: the hashes of a tree over the
-- entries of each organisation, and signed checkpoints of it. organisation_id 0 is the installation's own tree, whose
-- leaves are the epoch's record and then every checkpoint of an organisation. Written once, as the log is.

-- What begins a new tree for everybody: the first sealing, or an operator after the database had gone back.
CREATE TABLE activity_epochs (
    epoch           integer PRIMARY KEY CHECK (epoch > 0),
    begun_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    leaf            text NOT NULL
);

-- The public keys that have signed, under the ids they had in SIGNING_KEYS: one that is retired still verifies.
CREATE TABLE activity_keys (
    public          bytea PRIMARY KEY CHECK (octet_length(public) = 32),
    id              text NOT NULL,
    first_used_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Full tiles: 256 hashes of the tree's level 8 × level. `root` is the hash above all of them, so that the tile above,
-- as long as it is not full, is read without their hashes, which are stored apart and do not compress.
CREATE TABLE activity_tiles (
    index           bigint NOT NULL CHECK (index >= 0),
    organisation_id integer NOT NULL,
    epoch           integer NOT NULL,
    level           smallint NOT NULL CHECK (level >= 0),
    root            bytea NOT NULL CHECK (octet_length(root) = 32),
    hashes          bytea NOT NULL CHECK (octet_length(hashes) = 8192),
    PRIMARY KEY (organisation_id, epoch, level, index)
);
ALTER TABLE activity_tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;

-- The key is what keeps two trees of one size from ever being signed. `at` is when it was sealed, and not signed.
CREATE TABLE activity_checkpoints (
    size            bigint NOT NULL CHECK (size > 0),
    meta_index      bigint CHECK (meta_index > 0 AND organisation_id > 0 OR meta_index IS NULL AND organisation_id = 0),
    at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    organisation_id integer NOT NULL,
    epoch           integer NOT NULL,
    root            bytea NOT NULL CHECK (octet_length(root) = 32),
    note            text NOT NULL,
    PRIMARY KEY (organisation_id, epoch, size)
);
CREATE INDEX activity_checkpoints_in_meta ON activity_checkpoints (epoch, meta_index) WHERE meta_index IS NOT NULL;

-- What witnesses have added to a checkpoint: lines of a signed note.
CREATE TABLE activity_cosignatures (
    size            bigint NOT NULL,
    at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    organisation_id integer NOT NULL,
    epoch           integer NOT NULL,
    witness         text NOT NULL,
    line            text NOT NULL,
    PRIMARY KEY (organisation_id, epoch, size, witness)
);

-- Why an organisation's log, or with organisation_id 0 any, is not sealed any further; NULL once it is again.
CREATE TABLE seal_refusals (
    organisation_id integer PRIMARY KEY,
    refused_at      timestamptz NOT NULL,
    reason          varchar(500)
);

CREATE TRIGGER activity_epochs_are_permanent BEFORE UPDATE OR DELETE OR TRUNCATE ON activity_epochs
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_the_log();
CREATE TRIGGER activity_keys_are_permanent BEFORE UPDATE OR DELETE OR TRUNCATE ON activity_keys
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_the_log();
CREATE TRIGGER activity_tiles_are_permanent BEFORE UPDATE OR DELETE OR TRUNCATE ON activity_tiles
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_the_log();
CREATE TRIGGER activity_checkpoints_are_permanent BEFORE UPDATE OR DELETE OR TRUNCATE ON activity_checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_the_log();
CREATE TRIGGER activity_cosignatures_are_permanent BEFORE UPDATE OR DELETE OR TRUNCATE ON activity_cosignatures
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_the_log();
ALTER TABLE activity_epochs ENABLE ALWAYS TRIGGER activity_epochs_are_permanent;
ALTER TABLE activity_keys ENABLE ALWAYS TRIGGER activity_keys_are_permanent;
ALTER TABLE activity_tiles ENABLE ALWAYS TRIGGER activity_tiles_are_permanent;
ALTER TABLE activity_checkpoints ENABLE ALWAYS TRIGGER activity_checkpoints_are_permanent;
ALTER TABLE activity_cosignatures ENABLE ALWAYS TRIGGER activity_cosignatures_are_permanent;

-- Nobody says when: times are the database's.
GRANT SELECT ON activity_epochs, activity_keys, activity_tiles, activity_checkpoints, activity_cosignatures,
      seal_refusals TO {app};
GRANT INSERT (epoch, leaf) ON activity_epochs TO {app};
GRANT INSERT (public, id) ON activity_keys TO {app};
GRANT INSERT (organisation_id, epoch, level, index, root, hashes) ON activity_tiles TO {app};
GRANT INSERT (organisation_id, epoch, size, meta_index, root, note) ON activity_checkpoints TO {app};
GRANT INSERT (organisation_id, epoch, size, witness, line) ON activity_cosignatures TO {app};
GRANT INSERT, UPDATE ON seal_refusals TO {app};
