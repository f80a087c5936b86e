-- Erasing a patient: who asked, who agreed, what came of it; and what keeps a record from being erased.
ALTER TABLE {{ops}}.patient DROP CONSTRAINT patient_state_check;
ALTER TABLE {{ops}}.patient ADD CONSTRAINT patient_state_check CHECK (state IN ('active', 'archived', 'erased'));

CREATE TABLE {{ops}}.legal_hold (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    patient_id uuid NOT NULL REFERENCES {{ops}}.patient (id),
    reason text NOT NULL CHECK (reason IN ('litigation', 'investigation', 'regulator', 'public_health')),
    placed_by uuid NOT NULL,
    placed_at timestamptz NOT NULL,
    released_by uuid,
    released_at timestamptz
);
-- A patient is held or not; the record of earlier holds stays.
CREATE UNIQUE INDEX legal_hold_standing ON {{ops}}.legal_hold (patient_id) WHERE released_at IS NULL;

CREATE TABLE {{ops}}.erasure (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    patient_id uuid NOT NULL REFERENCES {{ops}}.patient (id),
    basis text NOT NULL CHECK (basis IN
        ('patient_request', 'consent_withdrawn', 'retention_expired', 'registered_in_error', 'court_order')),
    state text NOT NULL CHECK (state IN ('requested', 'refused', 'cancelled', 'approved', 'shredding', 'shredded')),
    refusal text CHECK (refusal ~ '^[a-z][a-z0-9_]{0,63}$'),
    requested_by uuid NOT NULL,
    requested_at timestamptz NOT NULL,
    decided_by uuid CHECK (state NOT IN ('approved', 'shredding', 'shredded') OR decided_by <> requested_by),
    decided_at timestamptz,
    shredded_at timestamptz,
    ledger_seq bigint,
    rows_removed bigint NOT NULL DEFAULT 0,
    objects_removed bigint NOT NULL DEFAULT 0,
    certificate text
);
CREATE INDEX erasure_patient ON {{ops}}.erasure (patient_id, requested_at);
CREATE UNIQUE INDEX erasure_open ON {{ops}}.erasure (patient_id) WHERE state NOT IN ('refused', 'cancelled');
