-- Emergency access: who reached for which patient, why, and what came of the review. It is in the sealed half, because
-- why somebody needed a record says something about the person.
CREATE TABLE {{phi}}.break_glass (
    id uuid PRIMARY KEY REFERENCES {{ops}}.relationship (id),
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    patient_id uuid NOT NULL REFERENCES {{ops}}.patient (id),
    account_id uuid NOT NULL REFERENCES {{ops}}.account (id),
    reason_code text NOT NULL CHECK (reason_code IN ('emergency', 'covering', 'safety')),
    reason_sealed bytea NOT NULL,
    started_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL CHECK (expires_at > started_at
        AND extract(epoch FROM expires_at - started_at) <= 3600),
    ended_at timestamptz CHECK (ended_at BETWEEN started_at AND expires_at),
    told_at timestamptz,
    reviewed_by uuid CHECK (reviewed_by <> account_id),
    reviewed_at timestamptz,
    verdict text CHECK (verdict IN ('justified', 'violation')),
    note_sealed bytea,
    CONSTRAINT review_whole CHECK ((reviewed_by IS NULL) = (reviewed_at IS NULL)
        AND (reviewed_by IS NULL) = (verdict IS NULL) AND (reviewed_by IS NULL) = (note_sealed IS NULL))
);
CREATE INDEX break_glass_open ON {{phi}}.break_glass (id) WHERE reviewed_at IS NULL;
CREATE INDEX break_glass_patient ON {{phi}}.break_glass (patient_id);
