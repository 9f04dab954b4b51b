-- A job can also be stopped: a top-up in the middle of a clean-up makes the rest of it moot.
ALTER TABLE jobs DROP CONSTRAINT jobs_state_check;
ALTER TABLE jobs ADD CONSTRAINT jobs_state_check CHECK (state IN ('ready', 'finished', 'stuck', 'stopped'));

-- Entries that follow each other and have the same cause, as one line: what a feed folds, and passes in one step however
-- long it is. project_id is that of all its entries, if they are of one; tally says how many of what, such as
-- {"terminated container": 41}. Written with the entries, under the same lock. Derived from them: it can be made anew at any time.
CREATE TABLE activity_runs (
    organisation_id integer NOT NULL,
    first_number    bigint NOT NULL,
    last_number     bigint NOT NULL,
    cause_number    bigint NOT NULL,
    project_id      integer,
    tally           jsonb NOT NULL,
    PRIMARY KEY (organisation_id, first_number)
) WITH (fillfactor = 70);
CREATE INDEX activity_runs_of_cause ON activity_runs (organisation_id, cause_number);
COMMENT ON COLUMN activity_runs.project_id IS 'The project of all its entries; NULL when they are of several or of none.';

INSERT INTO activity_runs (organisation_id, first_number, last_number, cause_number, project_id, tally)
WITH caused AS (
    SELECT organisation_id, number, cause_number, project_id,
           CASE action WHEN 'create' THEN 'created' WHEN 'update' THEN 'updated'
                       WHEN 'delete' THEN 'deleted' ELSE 'terminated' END || ' ' || resource_type AS what,
           number - row_number() OVER (PARTITION BY organisation_id, cause_number ORDER BY number) AS island
      FROM activity_entries WHERE cause_number IS NOT NULL
), counted AS (
    SELECT organisation_id, cause_number, island, what, count(*) AS entries, min(number) AS first_number,
           max(number) AS last_number, min(project_id) AS least, max(project_id) AS most, count(project_id) AS named
      FROM caused GROUP BY organisation_id, cause_number, island, what
)
SELECT organisation_id, min(first_number), max(last_number), cause_number,
       CASE WHEN min(least) = max(most) AND sum(named) = sum(entries) THEN min(least) END,
       jsonb_object_agg(what, entries)
  FROM counted GROUP BY organisation_id, cause_number, island;

GRANT SELECT, INSERT ON activity_runs TO {app};
GRANT UPDATE (last_number, project_id, tally) ON activity_runs TO {app};
