-- Who is tied to which patient, and for how long: what the policy and row security both decide by. Ids only.

-- Where a clinic works. The first one has the tenant's own id and is there from the start.
CREATE TABLE {{ops}}.site (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    name text NOT NULL CHECK (pg_catalog.length(name) BETWEEN 1 AND 100),
    created_at timestamptz NOT NULL
);
INSERT INTO {{ops}}.site (id, tenant_id, name, created_at)
VALUES ('{{tenant}}', '{{tenant}}', 'Main', pg_catalog.now());

-- Which sites a principal works at. Programs are no accounts, so there is no reference to them.
CREATE TABLE {{ops}}.account_site (
    account_id uuid NOT NULL,
    site_id uuid NOT NULL REFERENCES {{ops}}.site (id),
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    PRIMARY KEY (account_id, site_id)
);

-- One row a tie between a patient and a party: a member of the care team, a site, the patient's own account, somebody
-- who stands in for the patient, or a member of staff in an emergency.
CREATE TABLE {{ops}}.relationship (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    -- The tie comes first when a patient is registered, because row security asks for it.
    patient_id uuid NOT NULL REFERENCES {{ops}}.patient (id) DEFERRABLE INITIALLY DEFERRED,
    party_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('member', 'site', 'subject', 'proxy', 'break_glass')),
    -- The tie a patient was registered with. There is one, so nobody can claim to have registered an existing patient.
    founding boolean NOT NULL DEFAULT false,
    valid_from timestamptz NOT NULL,
    valid_to timestamptz CHECK (valid_to >= valid_from),
    created_at timestamptz NOT NULL,
    created_by uuid NOT NULL,
    CONSTRAINT emergency_ends CHECK (kind <> 'break_glass' OR (valid_to IS NOT NULL
        AND extract(epoch FROM valid_to - valid_from) <= 3600))
);
CREATE UNIQUE INDEX relationship_founding ON {{ops}}.relationship (patient_id) WHERE founding;
CREATE INDEX relationship_patient ON {{ops}}.relationship (patient_id, party_id);
CREATE INDEX relationship_party ON {{ops}}.relationship (party_id, patient_id);

-- Whoever was here before is at the first site. The owner sees rows only while row security is not forced on it.
ALTER TABLE {{ops}}.patient NO FORCE ROW LEVEL SECURITY;
ALTER TABLE {{ops}}.account NO FORCE ROW LEVEL SECURITY;
INSERT INTO {{ops}}.account_site (account_id, site_id, tenant_id)
SELECT id, '{{tenant}}', '{{tenant}}' FROM {{ops}}.account;
INSERT INTO {{ops}}.relationship
    (id, tenant_id, patient_id, party_id, kind, founding, valid_from, created_at, created_by)
SELECT pg_catalog.gen_random_uuid(), '{{tenant}}', id, '{{tenant}}', 'site', true, created_at, created_at, created_by
FROM {{ops}}.patient;
ALTER TABLE {{ops}}.patient FORCE ROW LEVEL SECURITY;
ALTER TABLE {{ops}}.account FORCE ROW LEVEL SECURITY;
