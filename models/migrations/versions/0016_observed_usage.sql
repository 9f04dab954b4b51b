-- What is paid for is what runs, from when it is seen running until it is seen otherwise. Until now it was what exists:
-- what exists and does not run is taken off what is counted.
ALTER TABLE containers ADD COLUMN deployed_uses bigint[] NOT NULL DEFAULT '{0,0,0}';
ALTER TABLE memcached ADD COLUMN deployed_uses bigint[] NOT NULL DEFAULT '{0,0,0}';
UPDATE containers SET deployed_uses = ARRAY[cpu_millicores, memory_mib, 0] WHERE deployed_revision IS NOT NULL;
UPDATE memcached SET deployed_uses = ARRAY[0, 0, memory_mib * nodes] WHERE deployed_revision IS NOT NULL;
INSERT INTO usage_changes (organisation_id, cpu_millicores, memory_mib, cache_mib)
SELECT organisation_id, -sum(cpu), -sum(memory), -sum(cache)
  FROM (SELECT organisation_id, cpu_millicores AS cpu, memory_mib AS memory, 0 AS cache FROM containers
         WHERE ended_at IS NULL AND status IS DISTINCT FROM 'running'
         UNION ALL
        SELECT organisation_id, 0, 0, memory_mib * nodes FROM memcached
         WHERE ended_at IS NULL AND status IS DISTINCT FROM 'running') AS unseen
 GROUP BY organisation_id;
