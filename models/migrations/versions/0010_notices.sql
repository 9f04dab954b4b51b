-- When people were told by mail that it failed. Nobody is told of failures from before.
ALTER TABLE deployments ADD COLUMN told_at timestamptz;
UPDATE deployments SET told_at = COALESCE(ended_at, asked_at) WHERE status = 'error';
CREATE INDEX deployments_untold ON deployments (organisation_id) WHERE status = 'error' AND told_at IS NULL;
CREATE INDEX deployments_told ON deployments (organisation_id, told_at) WHERE told_at IS NOT NULL;

-- When owners were told by mail that it runs low; empty again after a top-up.
ALTER TABLE billing_accounts ADD COLUMN low_told_at timestamptz;
