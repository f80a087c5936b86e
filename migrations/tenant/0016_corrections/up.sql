-- Requests of patients to correct the record (45 CFR 164.526; DPDP Act section 12(1)). What is wrong and what was answered is
-- sealed, and in it once more whatever is in clear here. It is in the sealed half, so no row comes without an audit entry,
-- and every row goes when the patient is erased.
CREATE TABLE {{phi}}.correction (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    patient_id uuid NOT NULL REFERENCES {{ops}}.patient (id),
    state text NOT NULL CHECK (state IN ('open', 'accepted', 'denied')),
    request_sealed bytea NOT NULL,
    asked_at timestamptz NOT NULL,
    answer_sealed bytea,
    answered_at timestamptz CHECK (answered_at >= asked_at),
    version bigint NOT NULL CHECK (version > 0),
    row_mac bytea NOT NULL CHECK (pg_catalog.octet_length(row_mac) = 37),
    CONSTRAINT answer_whole CHECK ((answer_sealed IS NULL) = (answered_at IS NULL)
        AND (answer_sealed IS NULL) = (state = 'open'))
);
CREATE INDEX correction_patient ON {{phi}}.correction (patient_id, id);
