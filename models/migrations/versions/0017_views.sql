-- Names for queries, a person's own or shared in the organisation. No foreign keys: they would lock rows of people and
-- organisations, which every sign-in and every page reads.
CREATE TABLE saved_views (
    organisation_id integer NOT NULL,
    id              bigint GENERATED ALWAYS AS IDENTITY,
    user_id         integer NOT NULL,
    name            varchar(77) NOT NULL,
    query           varchar(500) NOT NULL,
    shared          boolean NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (organisation_id, id)
);
CREATE UNIQUE INDEX saved_views_of_person ON saved_views (organisation_id, user_id, lower(name)) WHERE NOT shared;
CREATE UNIQUE INDEX saved_views_shared ON saved_views (organisation_id, lower(name)) WHERE shared;
GRANT SELECT, INSERT, UPDATE, DELETE ON saved_views TO {app};
