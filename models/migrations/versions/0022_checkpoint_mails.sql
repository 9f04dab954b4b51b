-- Which checkpoint of an organisation its owners were last sent by mail, and when.
CREATE TABLE checkpoint_mails (
    organisation_id integer PRIMARY KEY,
    epoch           integer NOT NULL,
    size            bigint NOT NULL,
    sent_at         timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON checkpoint_mails TO {app};

ALTER TABLE users ADD COLUMN mails_checkpoints boolean NOT NULL DEFAULT true;
