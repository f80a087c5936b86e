-- Rights of one shard database. Run once as a superuser inside it, before the shard track; safe to run again.
--
-- Functions of pg_catalog belong to the superuser, so only a superuser can take them away from PUBLIC. Without that one
-- injected SELECT could change the role or the tenant context (security.md, finding 1).
REVOKE ALL ON DATABASE "{{database}}" FROM PUBLIC;
GRANT CONNECT ON DATABASE "{{database}}" TO domicile_app, domicile_migrator;
GRANT CREATE, CONNECT ON DATABASE "{{database}}" TO domicile_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;

DO $$
DECLARE
    routine record;
BEGIN
    -- Functions are shared by nobody but this database; the lock is against two set-ups of the same one.
    PERFORM pg_catalog.pg_advisory_xact_lock(5791003, 2);
    FOR routine IN
        SELECT p.oid::regprocedure AS name
        FROM pg_catalog.pg_proc p
        WHERE p.pronamespace = 'pg_catalog'::regnamespace
          AND (p.proname IN ('set_config', 'query_to_xml', 'query_to_xmlschema', 'query_to_xml_and_xmlschema',
                             'table_to_xml', 'table_to_xmlschema', 'table_to_xml_and_xmlschema',
                             'schema_to_xml', 'schema_to_xmlschema', 'schema_to_xml_and_xmlschema',
                             'database_to_xml', 'database_to_xmlschema', 'database_to_xml_and_xmlschema',
                             'cursor_to_xml', 'cursor_to_xmlschema', 'ts_stat', 'ts_rewrite',
                             'pg_cancel_backend', 'pg_terminate_backend', 'pg_export_snapshot', 'pg_notify')
               OR p.proname LIKE 'pg\_advisory\_%' OR p.proname LIKE 'pg\_try\_advisory\_%'
               OR p.proname LIKE 'pg\_read\_%' OR p.proname LIKE 'lo\_%' OR p.proname IN ('loread', 'lowrite')
               OR p.proname LIKE 'pg\_logical\_emit%')
          AND pg_catalog.has_function_privilege('public', p.oid, 'EXECUTE')
    LOOP
        EXECUTE pg_catalog.format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', routine.name);
    END LOOP;
    -- The roles that are ours and never run a tenant's statement keep what they need: the queue notifies and locks.
    FOR routine IN
        SELECT p.oid::regprocedure AS name
        FROM pg_catalog.pg_proc p
        WHERE p.pronamespace = 'pg_catalog'::regnamespace
          AND (p.proname = 'pg_notify' OR p.proname LIKE 'pg\_advisory\_%' OR p.proname LIKE 'pg\_try\_advisory\_%')
    LOOP
        EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION %s TO domicile_owner, domicile_migrator, domicile_app',
            routine.name);
    END LOOP;
END
$$;
-- Backups and restores of the key store begin with this function; no statement of a clinic runs as one of these roles.
GRANT EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean) TO domicile_owner, domicile_migrator;

-- Nothing the owner creates is executable by everyone; each right is granted by name.
ALTER DEFAULT PRIVILEGES FOR ROLE domicile_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE domicile_owner REVOKE USAGE ON TYPES FROM PUBLIC;
