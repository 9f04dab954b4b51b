-- A cookie says which row it belongs to, and is worthless without it. Browsers that are signed in sign in again.
CREATE TABLE sessions (
    user_id    integer NOT NULL REFERENCES users,
    id         bigint GENERATED ALWAYS AS IDENTITY,
    epoch      integer NOT NULL,
    browser    varchar(300) NOT NULL,
    address    varchar(45) NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, id)
);
GRANT SELECT, INSERT, DELETE ON sessions TO {app};
