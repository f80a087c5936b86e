-- The first tables of a clinic. The operational half identifies nobody; what identifies a person is sealed, in the
-- other half. Every table carries its tenant as a constant, so that a row of another one cannot be stored here.
-- Row security, grants and the audit trigger come from the replaceable files and cover every table by themselves.

CREATE TABLE {{ops}}.account (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    login_tag bytea NOT NULL UNIQUE,
    email_sealed bytea NOT NULL,
    display_name_sealed bytea NOT NULL,
    password_phc text,
    role text NOT NULL CHECK (role IN
        ('clinic_admin', 'physician', 'nurse', 'receptionist', 'lab_technician', 'billing', 'privacy_officer')),
    state text NOT NULL CHECK (state IN ('invited', 'active', 'disabled')),
    version bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    failed_count integer NOT NULL DEFAULT 0 CHECK (failed_count >= 0),
    locked_until timestamptz
);

CREATE TABLE {{ops}}.invitation (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    account_id uuid NOT NULL REFERENCES {{ops}}.account (id),
    token_hash bytea UNIQUE,
    state text NOT NULL CHECK (state IN ('pending', 'sent', 'accepted', 'revoked')),
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    sent_at timestamptz,
    accepted_at timestamptz
);
CREATE INDEX invitation_account ON {{ops}}.invitation (account_id);

CREATE TABLE {{ops}}.session (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    token_hash bytea NOT NULL UNIQUE,
    account_id uuid NOT NULL REFERENCES {{ops}}.account (id),
    csrf_hash bytea NOT NULL,
    created_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    idle_expires_at timestamptz NOT NULL,
    absolute_expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE INDEX session_account ON {{ops}}.session (account_id);
CREATE INDEX session_expiry ON {{ops}}.session (absolute_expires_at);

CREATE TABLE {{ops}}.patient (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    version bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    state text NOT NULL CHECK (state IN ('active', 'archived')),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    created_by uuid NOT NULL
);

CREATE TABLE {{ops}}.idempotency (
    account_id uuid NOT NULL,
    key_hash bytea NOT NULL,
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    request_hash bytea NOT NULL,
    status integer NOT NULL,
    response_sealed bytea NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, key_hash)
);
CREATE INDEX idempotency_age ON {{ops}}.idempotency (created_at);

CREATE TABLE {{ops}}.audit_event (
    event_id uuid PRIMARY KEY,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    -- Filled by the database alone: the role has no right to supply these three.
    xid xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(),
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    occurred_at timestamptz NOT NULL,
    region text NOT NULL,
    actor_kind text NOT NULL CHECK (actor_kind IN ('staff', 'patient', 'client', 'system', 'anonymous')),
    actor_id uuid NOT NULL,
    session_id uuid,
    request_id uuid,
    client_ip_sealed bytea,
    action text NOT NULL CHECK (action ~ '^[a-z][a-z0-9_.]{0,63}$'),
    resource_kind text NOT NULL CHECK (resource_kind ~ '^[a-z][a-z0-9_.]{0,63}$'),
    resource_id uuid,
    subject_id uuid,
    purpose text NOT NULL CHECK (purpose IN ('TREATMENT', 'PAYMENT', 'OPERATIONS', 'BREAKGLASS', 'SYSTEM')),
    outcome text NOT NULL CHECK (outcome IN ('allow', 'deny', 'error')),
    reason text CHECK (reason ~ '^[a-z][a-z0-9_.]{0,63}$'),
    fields bigint NOT NULL DEFAULT 0,
    row_version bigint,
    result_count integer CHECK (result_count >= 0),
    touched text[] NOT NULL DEFAULT '{}' CHECK (pg_catalog.cardinality(touched) <= 16),
    schema_ver integer NOT NULL
);
CREATE INDEX audit_event_xid ON {{ops}}.audit_event (xid);
CREATE INDEX audit_event_subject ON {{ops}}.audit_event (subject_id, seq) WHERE subject_id IS NOT NULL;

CREATE TABLE {{phi}}.person (
    patient_id uuid PRIMARY KEY REFERENCES {{ops}}.patient (id),
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    names bytea NOT NULL,
    birth_date bytea NOT NULL,
    sex bytea NOT NULL,
    phones bytea,
    emails bytea,
    addresses bytea,
    mrn bytea,
    identifiers bytea,
    version bigint NOT NULL DEFAULT 1 CHECK (version > 0)
);

CREATE TABLE {{phi}}.person_tag (
    patient_id uuid NOT NULL REFERENCES {{ops}}.patient (id),
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    index_id integer NOT NULL,
    tag bytea NOT NULL,
    PRIMARY KEY (index_id, tag, patient_id)
);
CREATE INDEX person_tag_patient ON {{phi}}.person_tag (patient_id);
-- Index 1 is the medical record number, which one clinic gives once.
CREATE UNIQUE INDEX person_tag_mrn ON {{phi}}.person_tag (tag) WHERE index_id = 1;
