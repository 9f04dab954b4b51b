-- What the containers of a deployment bear: its random stamp, so that a deployment of the same number that another
-- timeline of this database has made (before it was restored) is not taken for this one; the digest of what was
-- specified; and the id of the image. The rest is what brings it back just as it served: NULL and empty for a
-- deployment that never served, or that the version before has made.
ALTER TABLE deployments
    ADD COLUMN stamp uuid NOT NULL DEFAULT gen_random_uuid(),
    ADD COLUMN specification_digest varchar(64),
    ADD COLUMN image_id varchar(100),
    -- As it was pulled, and what the registry calls its content; the id where it was never pulled.
    ADD COLUMN image varchar(600),
    ADD COLUMN image_digest varchar(100),
    -- What the same name stood for the last time that it was deployed here, when that was something else.
    ADD COLUMN image_digest_before varchar(100),
    ADD COLUMN node_count integer,
    -- Sealed; empty once it is neither deployed nor to be.
    ADD COLUMN specification text NOT NULL DEFAULT '',
    -- Whether the log has said that it is down.
    ADD COLUMN told_down boolean NOT NULL DEFAULT false;

-- Containers that bear our labels and that no deployment here has made. No foreign key: the labels may name an
-- organisation that is not here, or none (0).
CREATE TABLE strays (
    organisation_id integer NOT NULL,
    instance        varchar(64) NOT NULL,
    noun            varchar(16) NOT NULL,
    resource_id     bigint NOT NULL,
    revision        integer NOT NULL,
    image_id        varchar(100) NOT NULL,
    found_at        timestamptz NOT NULL,
    removed_at      timestamptz,
    PRIMARY KEY (organisation_id, instance)
);
GRANT SELECT, INSERT, UPDATE ON strays TO {app};
