-- By kind, why the engine could not carry a deployment out when it was last tried; NULL when it could.
ALTER TABLE deployments ADD COLUMN fault varchar(24);
CREATE INDEX deployments_faulty ON deployments (due_at) WHERE fault IS NOT NULL;
