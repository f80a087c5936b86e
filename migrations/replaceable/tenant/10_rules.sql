-- What holds for every table of a tenant, whichever migration made it: forced row security on the proved tenant, the
-- grants of its role, and on patient data the trigger that refuses a commit without an audit entry.

-- Refuses at commit a change of a patient-data table that no audit entry of the same transaction names.
CREATE OR REPLACE FUNCTION {{ops}}.require_audit() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM {{ops}}.audit_event e
        WHERE e.xid = pg_current_xact_id() AND e.touched @> ARRAY[TG_TABLE_NAME::text])
    THEN
        RAISE EXCEPTION USING ERRCODE = 'DM003', CONSTRAINT = 'domicile_audit',
            MESSAGE = 'patient data changed without an audit entry';
    END IF;
    RETURN NULL;
END
$$;

GRANT USAGE ON SCHEMA {{ops}}, {{phi}} TO {{role}};

DO $$
DECLARE
    one record;
    -- Patient data is the whole sealed half and these tables of the other.
    clinical constant text[] := ARRAY['patient'];
BEGIN
    FOR one IN
        SELECT c.oid::regclass AS name, c.relname::text AS bare, n.nspname = {{phi_literal}} AS sealed
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname IN ({{ops_literal}}, {{phi_literal}}) AND c.relkind IN ('r', 'p')
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', one.name);
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', one.name);
        EXECUTE format('DROP POLICY IF EXISTS tenant_only ON %s', one.name);
        EXECUTE format('CREATE POLICY tenant_only ON %s USING (tenant_id = (SELECT sec.tenant())) '
            'WITH CHECK (tenant_id = (SELECT sec.tenant()))', one.name);
        EXECUTE format('REVOKE ALL ON %s FROM {{role}}', one.name);
        IF one.bare = 'audit_event' THEN
            EXECUTE format('GRANT SELECT, INSERT (event_id, tenant_id, occurred_at, region, actor_kind, actor_id, '
                'session_id, request_id, client_ip_sealed, action, resource_kind, resource_id, subject_id, purpose, '
                'outcome, reason, fields, row_version, row_mac, result_count, touched, schema_ver) ON %s TO {{role}}', one.name);
        ELSE
            EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO {{role}}', one.name);
        END IF;
        EXECUTE format('DROP TRIGGER IF EXISTS audit_required ON %s', one.name);
        IF one.sealed OR one.bare = ANY (clinical) THEN
            EXECUTE format('CREATE CONSTRAINT TRIGGER audit_required AFTER INSERT OR UPDATE OR DELETE ON %s '
                'DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION {{ops}}.require_audit()', one.name);
        END IF;
    END LOOP;
END
$$;
