-- What a deployment that failed wrote before it was given up: a few lines, masked and sealed; empty when it wrote nothing,
-- did not fail, or is of something that has ended.
ALTER TABLE deployments ADD COLUMN output text NOT NULL DEFAULT '';
