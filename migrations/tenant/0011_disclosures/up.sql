-- To whom a patient's data were given (45 CFR 164.528; DPDP Act section 11(1)(b)). To whom, what and what for is sealed in
-- one value, because each of them says something about the person; only who wrote it down and when is in clear. It is in the
-- sealed half, so no row comes without an audit entry, and the number of those entries says how many rows there must be.
CREATE TABLE {{phi}}.disclosure (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    patient_id uuid NOT NULL REFERENCES {{ops}}.patient (id),
    recorded_by uuid NOT NULL,
    recorded_at timestamptz NOT NULL,
    content bytea NOT NULL
);
CREATE INDEX disclosure_patient ON {{phi}}.disclosure (patient_id, id);
