WITH schemas AS (
    SELECT oid, nspname, nspowner, nspacl FROM pg_namespace WHERE nspname IN ($1, $2)
), relations AS (
    SELECT c.*, s.nspname FROM pg_class c JOIN schemas s ON s.oid = c.relnamespace
)
SELECT concat_ws(' ', 'schema', nspname, 'owner', pg_get_userbyid(nspowner),
    'acl', (SELECT string_agg(item::text, ',' ORDER BY item::text) FROM unnest(nspacl) item))
FROM schemas
UNION ALL
SELECT concat_ws(' ', 'relation', nspname, relname, relkind, 'owner', pg_get_userbyid(relowner),
    'rls', relrowsecurity, relforcerowsecurity, 'options', reloptions::text,
    'acl', (SELECT string_agg(item::text, ',' ORDER BY item::text) FROM unnest(relacl) item))
FROM relations
UNION ALL
SELECT concat_ws(' ', 'column', r.nspname, r.relname, a.attname, format_type(a.atttypid, a.atttypmod),
    CASE WHEN a.attnotnull THEN 'not null' END, 'identity', a.attidentity, 'generated', a.attgenerated,
    'default', pg_get_expr(d.adbin, d.adrelid),
    'acl', (SELECT string_agg(item::text, ',' ORDER BY item::text) FROM unnest(a.attacl) item))
FROM relations r
JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = r.oid AND d.adnum = a.attnum
WHERE r.relkind IN ('r', 'p', 'v', 'm', 'f')
UNION ALL
SELECT concat_ws(' ', 'constraint', r.nspname, r.relname, k.conname, pg_get_constraintdef(k.oid),
    k.condeferrable, k.condeferred, k.convalidated)
FROM relations r JOIN pg_constraint k ON k.conrelid = r.oid
UNION ALL
SELECT concat_ws(' ', 'index', r.nspname, pg_get_indexdef(r.oid), i.indisvalid, i.indisready)
FROM relations r JOIN pg_index i ON i.indexrelid = r.oid
UNION ALL
SELECT concat_ws(' ', 'trigger', r.nspname, r.relname, pg_get_triggerdef(t.oid), t.tgenabled)
FROM relations r JOIN pg_trigger t ON t.tgrelid = r.oid AND NOT t.tgisinternal
UNION ALL
SELECT concat_ws(' ', 'policy', r.nspname, r.relname, p.polname, p.polcmd, p.polpermissive, p.polroles::regrole[]::text,
    pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
FROM relations r JOIN pg_policy p ON p.polrelid = r.oid
UNION ALL
SELECT concat_ws(' ', 'rule', r.nspname, r.relname, w.rulename, pg_get_ruledef(w.oid))
FROM relations r JOIN pg_rewrite w ON w.ev_class = r.oid
UNION ALL
SELECT concat_ws(' ', 'function', s.nspname, p.proname, pg_get_function_identity_arguments(p.oid),
    'owner', pg_get_userbyid(p.proowner), p.prosecdef, p.provolatile, p.proconfig::text, replace(p.prosrc, chr(10), ' '),
    'acl', (SELECT string_agg(item::text, ',' ORDER BY item::text) FROM unnest(p.proacl) item))
FROM pg_proc p JOIN schemas s ON s.oid = p.pronamespace
UNION ALL
SELECT concat_ws(' ', 'type', s.nspname, t.typname, t.typtype)
FROM pg_type t JOIN schemas s ON s.oid = t.typnamespace
WHERE t.typtype <> 'c' AND t.typelem = 0
