WITH schemas AS (
    SELECT n.oid, n.nspname::text AS name, t.id AS tenant, t.role_name, n.nspname LIKE '%\_phi' AS sealed
    FROM pg_namespace n
    LEFT JOIN meta.tenant t ON t.role_name = regexp_replace(n.nspname, '_phi$', '') AND t.state <> 'destroyed'
    WHERE n.nspname LIKE 't\_%'
), tables AS (
    SELECT c.oid, c.oid::regclass::text AS name, c.relname::text AS bare, c.relowner, c.relrowsecurity,
        c.relforcerowsecurity, s.tenant, s.role_name, s.sealed, s.name AS schema
    FROM pg_class c JOIN schemas s ON s.oid = c.relnamespace WHERE c.relkind IN ('r', 'p')
), ours AS (
    SELECT oid FROM schemas
    UNION ALL
    SELECT oid FROM pg_namespace WHERE nspname IN ('meta', 'sec', 'jobs', 'audit', 'graphile_worker', 'public')
)
SELECT name AS object, 'schema of no known tenant' AS rule FROM schemas WHERE tenant IS NULL
UNION ALL
SELECT name, 'row security is not enabled and forced' FROM tables WHERE NOT (relrowsecurity AND relforcerowsecurity)
UNION ALL
SELECT name, 'not owned by domicile_owner' FROM tables WHERE pg_get_userbyid(relowner) <> 'domicile_owner'
UNION ALL
SELECT t.name, 'does not have exactly the one tenant policy' FROM tables t
WHERE (SELECT count(*) FROM pg_policy p WHERE p.polrelid = t.oid AND p.polpermissive) <> 1
   OR NOT EXISTS (
    SELECT FROM pg_policy p
    WHERE p.polrelid = t.oid AND p.polname = 'tenant_only' AND p.polpermissive AND p.polcmd = '*' AND p.polroles = '{0}'
      AND pg_get_expr(p.polqual, p.polrelid) = '(tenant_id = ( SELECT sec.tenant() AS tenant))'
      AND pg_get_expr(p.polwithcheck, p.polrelid) = '(tenant_id = ( SELECT sec.tenant() AS tenant))')
UNION ALL
SELECT t.name, 'rows about a patient without the policy of reach' FROM tables t
WHERE (t.bare = 'patient' OR (t.bare <> 'relationship' AND EXISTS (
    SELECT FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attname = 'patient_id' AND NOT a.attisdropped)))
  AND NOT EXISTS (
    SELECT FROM pg_policy p
    WHERE p.polrelid = t.oid AND p.polname = 'in_reach' AND NOT p.polpermissive AND p.polcmd = '*' AND p.polroles = '{0}'
      AND pg_get_expr(p.polqual, p.polrelid) LIKE '%relationship tie%parties()%judged_at()%')
UNION ALL
SELECT t.name, 'ties that anybody may make, change or remove' FROM tables t
WHERE t.bare = 'relationship'
  AND (SELECT array_agg(p.polname::text ORDER BY p.polname) FROM pg_policy p
       WHERE p.polrelid = t.oid AND NOT p.polpermissive AND p.polroles = '{0}')
      IS DISTINCT FROM ARRAY['tie_changed', 'tie_made', 'tie_removed']
UNION ALL
SELECT t.name, 'lacks the constant tenant check' FROM tables t
WHERE NOT EXISTS (
    SELECT FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = t.oid AND a.attname = 'tenant_id'
    WHERE k.conrelid = t.oid AND k.contype = 'c' AND k.convalidated AND a.attnotnull
      AND pg_get_constraintdef(k.oid) = format('CHECK ((tenant_id = %L::uuid))', t.tenant))
UNION ALL
SELECT t.name, 'patient data without the audit trigger' FROM tables t
WHERE (t.sealed OR t.bare IN ('patient', 'relationship'))
  AND NOT EXISTS (
    SELECT FROM pg_trigger g JOIN pg_proc p ON p.oid = g.tgfoid
    WHERE g.tgrelid = t.oid AND g.tgname = 'audit_required' AND g.tgdeferrable AND g.tginitdeferred
      AND g.tgenabled = 'O' AND p.proname = 'require_audit' AND g.tgtype & 29 = 29)
UNION ALL
SELECT t.name, 'the tenant''s role may change or erase the audit log' FROM tables t
WHERE t.bare = 'audit_event'
  AND (has_table_privilege(t.role_name, t.oid, 'UPDATE, DELETE, TRUNCATE, TRIGGER, REFERENCES')
       OR has_any_column_privilege(t.role_name, t.oid, 'UPDATE')
       OR has_column_privilege(t.role_name, t.oid, 'xid', 'INSERT'))
UNION ALL
SELECT t.name, 'audit events without the trigger that passes them on' FROM tables t
WHERE t.bare = 'audit_event' AND NOT EXISTS (
    SELECT FROM pg_trigger g
    WHERE g.tgrelid = t.oid AND g.tgname = 'audit_entry' AND g.tgenabled = 'O' AND g.tgtype & 7 = 7
      AND g.tgfoid = 'audit.take_entry'::regproc)
UNION ALL
SELECT c.oid::regclass::text, format('%s has a right on the log', pg_get_userbyid(acl.grantee))
FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) acl
WHERE c.relnamespace = 'audit'::regnamespace AND acl.grantee <> c.relowner
  AND acl.grantee <> to_regrole('domicile_sealer')
UNION ALL
SELECT t.name, format('%s has a right on it', grantee.rolname) FROM tables t
CROSS JOIN LATERAL (
    SELECT DISTINCT coalesce(r.rolname, 'everyone') AS rolname
    FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) acl LEFT JOIN pg_roles r ON r.oid = acl.grantee
    WHERE c.oid = t.oid) grantee
WHERE grantee.rolname NOT IN ('domicile_owner', t.role_name)
UNION ALL
SELECT c.oid::regclass::text, 'view without security_invoker'
FROM pg_class c JOIN ours o ON o.oid = c.relnamespace
WHERE c.relkind = 'v' AND NOT coalesce(c.reloptions::text[] && ARRAY['security_invoker=true', 'security_invoker=on'], false)
  AND c.relnamespace <> to_regnamespace('graphile_worker')::oid
UNION ALL
SELECT c.oid::regclass::text, 'materialized view or foreign table in a tenant schema'
FROM pg_class c JOIN schemas s ON s.oid = c.relnamespace WHERE c.relkind IN ('m', 'f')
UNION ALL
SELECT format_type(t.oid, NULL), 'type in a tenant schema'
FROM pg_type t JOIN schemas s ON s.oid = t.typnamespace
WHERE t.typtype IN ('e', 'd', 'r', 'm', 'b') AND t.typelem = 0
UNION ALL
SELECT p.oid::regprocedure::text, 'SECURITY DEFINER without a search_path that ends in pg_temp'
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE p.prosecdef AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND NOT EXISTS (SELECT FROM unnest(p.proconfig) setting WHERE setting ~ '^search_path=(.*, *)?"?pg_temp"?$')
UNION ALL
SELECT p.oid::regprocedure::text, 'everyone may execute it'
FROM pg_proc p JOIN ours o ON o.oid = p.pronamespace WHERE has_function_privilege('public', p.oid, 'EXECUTE')
UNION ALL
SELECT p.oid::regprocedure::text, 'everyone may execute it, and it runs text as SQL, changes settings or locks'
FROM pg_proc p
WHERE p.pronamespace = 'pg_catalog'::regnamespace AND has_function_privilege('public', p.oid, 'EXECUTE')
  AND (p.proname IN ('set_config', 'query_to_xml', 'query_to_xmlschema', 'query_to_xml_and_xmlschema', 'table_to_xml',
                     'table_to_xmlschema', 'table_to_xml_and_xmlschema', 'schema_to_xml', 'schema_to_xmlschema',
                     'schema_to_xml_and_xmlschema', 'database_to_xml', 'database_to_xmlschema',
                     'database_to_xml_and_xmlschema', 'cursor_to_xml', 'cursor_to_xmlschema', 'ts_stat', 'ts_rewrite',
                     'pg_notify')
       OR p.proname LIKE 'pg\_advisory\_%' OR p.proname LIKE 'pg\_try\_advisory\_%'
       OR p.proname LIKE 'pg\_read\_%' OR p.proname LIKE 'lo\_%')
UNION ALL
SELECT c.oid::regclass::text, 'everyone has a right on it'
FROM pg_class c JOIN ours o ON o.oid = c.relnamespace CROSS JOIN LATERAL aclexplode(c.relacl) acl WHERE acl.grantee = 0
UNION ALL
SELECT n.nspname::text, 'everyone has a right on the schema'
FROM pg_namespace n JOIN ours o ON o.oid = n.oid CROSS JOIN LATERAL aclexplode(n.nspacl) acl WHERE acl.grantee = 0
UNION ALL
SELECT d.datname::text, 'everyone may connect, create or make temporary tables'
FROM pg_database d
WHERE d.datname = current_database()
  AND (d.datacl IS NULL OR EXISTS (SELECT FROM aclexplode(d.datacl) acl WHERE acl.grantee = 0))
UNION ALL
SELECT r.rolname::text, 'the role can undo row security or make roles'
FROM pg_roles r
WHERE (r.rolname IN ('domicile_app', 'domicile_owner', 'domicile_tenant', 'domicile_keeper')
       OR r.rolname IN (SELECT role_name FROM schemas))
  AND (r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolreplication OR r.rolcreatedb)
UNION ALL
SELECT r.rolname::text, 'the role can log in'
FROM pg_roles r
WHERE r.rolcanlogin AND (r.rolname IN ('domicile_owner', 'domicile_tenant', 'domicile_keeper')
       OR r.rolname IN (SELECT role_name FROM schemas))
UNION ALL
SELECT 'domicile_app', 'inherits the rights of every tenant' FROM pg_roles WHERE rolname = 'domicile_app' AND rolinherit
UNION ALL
SELECT member.rolname::text, format('is a member of %s', granted.rolname)
FROM pg_auth_members m
JOIN pg_roles granted ON granted.oid = m.roleid JOIN pg_roles member ON member.oid = m.member
WHERE (granted.rolname IN (SELECT role_name FROM schemas) AND member.rolname NOT IN ('domicile_app', 'domicile_migrator'))
   OR (granted.rolname = 'domicile_owner' AND member.rolname <> 'domicile_migrator')
   OR (member.rolname IN (SELECT role_name FROM schemas) AND granted.rolname <> 'domicile_tenant')
UNION ALL
SELECT c.oid::regclass::text, format('is owned by %s', pg_get_userbyid(c.relowner))
FROM pg_class c JOIN ours o ON o.oid = c.relnamespace
WHERE pg_get_userbyid(c.relowner) <> 'domicile_owner' AND c.relnamespace <> 'public'::regnamespace
  AND c.oid NOT IN (SELECT oid FROM tables)
UNION ALL
SELECT p.oid::regprocedure::text, format('is owned by %s', pg_get_userbyid(p.proowner))
FROM pg_proc p JOIN ours o ON o.oid = p.pronamespace
WHERE pg_get_userbyid(p.proowner) <> 'domicile_owner' AND p.pronamespace <> 'public'::regnamespace
UNION ALL
SELECT 'sec.context_key', 'somebody besides its owner has a right on it'
FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) acl
WHERE c.oid = 'sec.context_key'::regclass AND acl.grantee <> c.relowner
UNION ALL
SELECT e.extname::text, 'extension that reaches outside the database'
FROM pg_extension e WHERE e.extname IN ('dblink', 'postgres_fdw', 'file_fdw', 'adminpack', 'lo')
UNION ALL
SELECT s.srvname::text, 'foreign server' FROM pg_foreign_server s
