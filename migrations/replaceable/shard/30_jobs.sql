-- Enqueues a job for the tenant of the transaction. The queue holds ids only: a payload of any other shape is refused.
CREATE OR REPLACE FUNCTION jobs.enqueue(task text, payload text, run_at timestamptz) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    document jsonb := payload::jsonb;
BEGIN
    IF task !~ '^[a-z][a-z0-9_.]{0,63}$'
        OR sec.tenant() IS NULL
        OR jsonb_typeof(document) <> 'object'
        OR (SELECT count(*) FROM jsonb_object_keys(document)) <> 2
        OR 't_' || (document ->> 'tenant') IS DISTINCT FROM current_setting('role')
        OR jsonb_typeof(document -> 'ids') IS DISTINCT FROM 'object'
        OR (SELECT count(*) FROM jsonb_object_keys(document -> 'ids')) > 8
        OR EXISTS (
            SELECT FROM jsonb_each(document -> 'ids') pair
            WHERE pair.key !~ '^[a-z][a-z0-9_]{0,31}$'
               OR jsonb_typeof(pair.value) <> 'string'
               OR (pair.value #>> '{}') !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$')
    THEN
        RAISE EXCEPTION USING ERRCODE = 'DM004', MESSAGE = 'job payload refused', CONSTRAINT = 'domicile_job';
    END IF;
    PERFORM graphile_worker.add_job(task, document::json, NULL, run_at);
END
$$;

-- The jobs of the transaction's own tenant that are in the queue, by name and by the code that they failed with last. What a job
-- returns as an error is a code; whatever else is there is called `other`. No payload and no id is shown.
CREATE OR REPLACE FUNCTION jobs.waiting(OUT job text, OUT code text, OUT jobs bigint) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT t.identifier, c.code, count(*)
    FROM graphile_worker._private_jobs j
    JOIN graphile_worker._private_tasks t ON t.id = j.task_id
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN j.last_error IS NULL THEN NULL
            WHEN trim(BOTH '"' FROM j.last_error) ~ '^[a-z][a-z0-9_.]{0,63}$' THEN trim(BOTH '"' FROM j.last_error)
            ELSE 'other'
        END AS code) c
    WHERE (SELECT sec.tenant()) IS NOT NULL AND 't_' || (j.payload ->> 'tenant') = current_setting('role')
    GROUP BY 1, 2
    ORDER BY 1, 2
    LIMIT 100
$$;

GRANT USAGE ON SCHEMA jobs TO domicile_tenant;
GRANT EXECUTE ON FUNCTION jobs.enqueue(text, text, timestamptz), jobs.waiting() TO domicile_tenant;

-- The worker runs the queue with its own login; a tenant's role reaches it only through jobs.enqueue.
GRANT USAGE ON SCHEMA graphile_worker TO domicile_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA graphile_worker TO domicile_app;
GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA graphile_worker TO domicile_app;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA graphile_worker TO domicile_app;
DO $$
DECLARE
    queue_table record;
BEGIN
    -- The queue's own migrations switch row security on; without a policy nobody but the owner would see a job.
    FOR queue_table IN
        SELECT c.oid::regclass AS name FROM pg_class c
        WHERE c.relnamespace = 'graphile_worker'::regnamespace AND c.relkind = 'r' AND c.relrowsecurity
    LOOP
        EXECUTE format('DROP POLICY IF EXISTS domicile_worker ON %s', queue_table.name);
        EXECUTE format('CREATE POLICY domicile_worker ON %s TO domicile_app USING (true) WITH CHECK (true)',
            queue_table.name);
    END LOOP;
END
$$;
