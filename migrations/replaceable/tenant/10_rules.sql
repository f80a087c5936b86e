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
    IF audit.behind() THEN
        RAISE EXCEPTION USING ERRCODE = 'DM005', CONSTRAINT = 'domicile_audit_behind',
            MESSAGE = 'the audit log is not being sealed';
    END IF;
    RETURN NULL;
END
$$;

-- Whose ties count for the caller of this transaction: the caller's own, or those of the caller's sites.
--
-- The caller's part of the context is read without its MAC: no row is seen unless `tenant_only` accepts it too, and that
-- one proves the whole of the same text.
CREATE OR REPLACE FUNCTION {{ops}}.parties() RETURNS uuid[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    context text := current_setting('domicile.context', true);
BEGIN
    CASE split_part(context, '.', 4)
        WHEN 'ties' THEN
            RETURN ARRAY[split_part(context, '.', 5)::uuid];
        WHEN 'sites' THEN
            RETURN ARRAY(SELECT s.site_id FROM {{ops}}.account_site s
                WHERE s.account_id = split_part(context, '.', 5)::uuid);
        ELSE
            RETURN '{}';
    END CASE;
END
$$;

-- The time the caller's ties are judged by.
CREATE OR REPLACE FUNCTION {{ops}}.judged_at() RETURNS timestamptz
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT timestamptz 'epoch' + interval '1 microsecond'
        * nullif(split_part(current_setting('domicile.context', true), '.', 6), '')::double precision
$$;

-- Whether the caller is tied to this patient now, for the rules of the ties themselves, which cannot name their own table.
-- An emergency does not count: who reaches for a patient for an hour makes no tie that lasts. Nor does standing in: it is given by
-- the clinic, and ended by the clinic and the patient.
CREATE OR REPLACE FUNCTION {{ops}}.is_tied(patient uuid) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM {{ops}}.relationship tie
        WHERE tie.patient_id = patient AND tie.party_id = ANY ({{ops}}.parties()) AND tie.kind NOT IN ('break_glass', 'proxy')
          AND tie.valid_from <= {{ops}}.judged_at()
          AND (tie.valid_to IS NULL OR tie.valid_to > {{ops}}.judged_at()));
END
$$;

GRANT EXECUTE ON FUNCTION {{ops}}.parties(), {{ops}}.judged_at(), {{ops}}.is_tied(uuid) TO {{role}};
GRANT USAGE ON SCHEMA {{ops}}, {{phi}} TO {{role}};

DO $$
DECLARE
    one record;
    -- Patient data is the whole sealed half and these tables of the other.
    clinical constant text[] := ARRAY['patient', 'relationship', 'document'];
    -- What somebody who stands in must have been given to see rows of a table; of one that is not named, the record. Whoever
    -- was given anything sees that there is the patient, and the name. Who else stands in is not theirs to see.
    given text;
    -- These rules were this tenant's before this run, so a table that has them keeps them: making them anew for every table is
    -- a third of a second of each tenant.
    kept constant boolean := coalesce(current_setting('domicile.rules_kept', true) = 'on', false);
    everyone constant text :=
        $e$((SELECT pg_catalog.split_part(pg_catalog.current_setting('domicile.context', true), '.', 4)) = 'everyone')$e$;
BEGIN
    FOR one IN
        SELECT c.oid, c.oid::regclass AS name, c.relname::text AS bare, n.nspname = {{phi_literal}} AS sealed,
            c.relrowsecurity AND c.relforcerowsecurity AS forced,
            CASE WHEN c.relname = 'patient' THEN 'id'
                 WHEN c.relname <> 'relationship' THEN (SELECT a.attname::text FROM pg_attribute a
                    WHERE a.attrelid = c.oid AND a.attname = 'patient_id' AND NOT a.attisdropped)
            END AS subject
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname IN ({{ops_literal}}, {{phi_literal}}) AND c.relkind IN ('r', 'p')
    LOOP
        -- A migration may have made the table, given it a patient, moved it to the sealed half, or put a rule aside to move rows.
        CONTINUE WHEN kept AND one.forced
            AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = one.oid AND p.polname = 'tenant_only')
            AND (one.subject IS NOT NULL)
                = EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = one.oid AND p.polname = 'in_reach')
            AND (one.sealed OR one.bare = ANY (clinical))
                = EXISTS (SELECT FROM pg_trigger g
                    WHERE g.tgrelid = one.oid AND g.tgname = 'audit_required' AND g.tgenabled = 'O');
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', one.name);
        EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', one.name);
        EXECUTE format('DROP POLICY IF EXISTS tenant_only ON %s', one.name);
        EXECUTE format('CREATE POLICY tenant_only ON %s USING (tenant_id = (SELECT sec.tenant())) '
            'WITH CHECK (tenant_id = (SELECT sec.tenant()))', one.name);
        -- A row about a patient is there for those who are tied to the patient. A table says that its rows are about one
        -- by having the column, so a new table is covered before anybody thinks of it.
        EXECUTE format('DROP POLICY IF EXISTS in_reach ON %s', one.name);
        IF one.subject IS NOT NULL THEN
            given := CASE
                WHEN one.bare IN ('patient', 'person', 'person_tag') THEN 'true'
                WHEN one.bare IN ('document', 'stored_object') THEN $g$tie.scope @> '{documents}'$g$
                WHEN one.bare = 'correction' THEN $g$tie.scope @> '{corrections}'$g$
                WHEN one.bare = 'proxy' THEN 'false'
                ELSE $g$tie.scope @> '{record}'$g$
            END;
            EXECUTE format('CREATE POLICY in_reach ON %1$s AS RESTRICTIVE USING (%2$s OR EXISTS ('
                'SELECT FROM {{ops}}.relationship tie WHERE tie.patient_id = %1$s.%3$I '
                'AND tie.party_id = ANY ((SELECT {{ops}}.parties())::uuid[]) '
                'AND tie.valid_from <= (SELECT {{ops}}.judged_at()) '
                'AND (tie.valid_to IS NULL OR tie.valid_to > (SELECT {{ops}}.judged_at())) '
                'AND (tie.kind <> ''proxy'' OR %4$s)))',
                one.name, everyone, one.subject, given);
        END IF;
        IF one.bare = 'relationship' THEN
            EXECUTE format('DROP POLICY IF EXISTS tie_made ON %s', one.name);
            EXECUTE format('DROP POLICY IF EXISTS tie_changed ON %s', one.name);
            EXECUTE format('DROP POLICY IF EXISTS tie_removed ON %s', one.name);
            -- Ties are made by those tied already; by who registers a patient, once; and in an emergency, for oneself.
            EXECUTE format('CREATE POLICY tie_made ON %s AS RESTRICTIVE FOR INSERT WITH CHECK (%s '
                'OR (party_id = ANY ({{ops}}.parties()) AND (founding OR kind = ''break_glass'')) '
                'OR {{ops}}.is_tied(patient_id))', one.name, everyone);
            EXECUTE format('CREATE POLICY tie_changed ON %s AS RESTRICTIVE FOR UPDATE USING (%s '
                'OR (party_id = ANY ({{ops}}.parties()) AND kind = ''break_glass'') '
                'OR {{ops}}.is_tied(patient_id))', one.name, everyone);
            EXECUTE format('CREATE POLICY tie_removed ON %s AS RESTRICTIVE FOR DELETE USING (%s)', one.name, everyone);
        END IF;
        EXECUTE format('REVOKE ALL ON %s FROM {{role}}', one.name);
        IF one.bare = 'audit_event' THEN
            EXECUTE format('GRANT SELECT, INSERT (event_id, tenant_id, occurred_at, region, actor_kind, actor_id, '
                'session_id, request_id, client_ip_sealed, action, resource_kind, resource_id, subject_id, purpose, '
                'outcome, reason, fields, row_version, row_mac, result_count, touched, schema_ver, '
                'instance_id, period, detail_sealed, leaf, entry) ON %s TO {{role}}', one.name);
        ELSE
            EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO {{role}}', one.name);
        END IF;
        IF one.bare = 'audit_event' THEN
            EXECUTE format('DROP TRIGGER IF EXISTS audit_entry ON %s', one.name);
            EXECUTE format('CREATE TRIGGER audit_entry BEFORE INSERT ON %s '
                'FOR EACH ROW EXECUTE FUNCTION audit.take_entry()', one.name);
        END IF;
        EXECUTE format('DROP TRIGGER IF EXISTS audit_required ON %s', one.name);
        IF one.sealed OR one.bare = ANY (clinical) THEN
            EXECUTE format('CREATE CONSTRAINT TRIGGER audit_required AFTER INSERT OR UPDATE OR DELETE ON %s '
                'DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION {{ops}}.require_audit()', one.name);
        END IF;
    END LOOP;
END
$$;
