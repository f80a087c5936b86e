-- Who stands in for a patient: a parent, a guardian, a nominee (45 CFR 164.502(g); DPDP Act sections 9 and 14). The tie decides
-- who reaches what until when; why it was made, who it is and what was shown for it is sealed here in one value, which says once
-- more what the tie says in clear. It is in the sealed half, so no row comes without an audit entry, and every row goes when the
-- patient is erased.

-- What of the record somebody who stands in was given. The words are those of app/src/access/proxy_scope.rs.
ALTER TABLE {{ops}}.relationship
    ADD COLUMN scope text[] NOT NULL DEFAULT '{}',
    ADD CONSTRAINT proxy_has_scope CHECK (scope <@ ARRAY['record', 'documents', 'corrections']
        AND (kind = 'proxy') = (pg_catalog.cardinality(scope) > 0)),
    ADD CONSTRAINT proxy_ends CHECK (kind <> 'proxy' OR valid_to IS NOT NULL);

CREATE TABLE {{phi}}.proxy (
    -- The tie's id.
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    patient_id uuid NOT NULL REFERENCES {{ops}}.patient (id),
    recorded_at timestamptz NOT NULL,
    content bytea NOT NULL
);
CREATE INDEX proxy_patient ON {{phi}}.proxy (patient_id, id);

-- The log tells who stands in from the patient.
ALTER TABLE {{ops}}.audit_event
    DROP CONSTRAINT audit_event_actor_kind_check,
    ADD CONSTRAINT audit_event_actor_kind_check
        CHECK (actor_kind IN ('staff', 'patient', 'proxy', 'client', 'system', 'anonymous'));
