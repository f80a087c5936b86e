-- Documents of patients. What a document is called and says about itself is sealed, in the other half; its bytes are sealed
-- in S3, under a random name that `stored_object` keeps.

-- One row an object in S3, written before the object and deleted after it: whatever is in the bucket has a row, and a row
-- whose `delete_after` has passed is an object that the clean-up removes. That is how nothing is ever orphaned.
CREATE TABLE {{ops}}.stored_object (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    patient_id uuid NOT NULL REFERENCES {{ops}}.patient (id),
    header bytea NOT NULL CHECK (pg_catalog.octet_length(header) = 65),
    size_bytes bigint NOT NULL CHECK (size_bytes BETWEEN 0 AND 5368709120),
    s3_upload text CHECK (pg_catalog.length(s3_upload) <= 1024),
    created_at timestamptz NOT NULL,
    delete_after timestamptz
);
CREATE INDEX stored_object_doomed ON {{ops}}.stored_object (delete_after) WHERE delete_after IS NOT NULL;
CREATE INDEX stored_object_patient ON {{ops}}.stored_object (patient_id);

-- One row a part that S3 has taken.
CREATE TABLE {{ops}}.stored_part (
    object_id uuid NOT NULL REFERENCES {{ops}}.stored_object (id) ON DELETE CASCADE,
    number integer NOT NULL CHECK (number BETWEEN 1 AND 640),
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    etag text NOT NULL,
    checksum text NOT NULL,
    PRIMARY KEY (object_id, number)
);

CREATE TABLE {{ops}}.document (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    patient_id uuid NOT NULL REFERENCES {{ops}}.patient (id),
    version bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    kind text NOT NULL CHECK (kind IN ('lab_report', 'prescription', 'image', 'referral', 'discharge_summary',
        'consent_form', 'insurance_card', 'other')),
    media_type text NOT NULL,
    state text NOT NULL CHECK (state IN ('initiated', 'uploading', 'scanning', 'quarantined', 'current', 'superseded',
        'deleted', 'purged')),
    refusal text CHECK (refusal ~ '^[a-z][a-z0-9_]{0,63}$'),
    size_bytes bigint NOT NULL CHECK (size_bytes BETWEEN 0 AND 5368709120),
    object_id uuid REFERENCES {{ops}}.stored_object (id) ON DELETE SET NULL,
    supersedes uuid REFERENCES {{ops}}.document (id),
    superseded_by uuid REFERENCES {{ops}}.document (id),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    created_by uuid NOT NULL,
    -- When the bytes go: the end of an upload's time, of a quarantine, or of the retention of a deleted document.
    purge_after timestamptz
);
CREATE INDEX document_patient ON {{ops}}.document (patient_id, created_at DESC, id DESC);
CREATE INDEX document_purge ON {{ops}}.document (purge_after) WHERE purge_after IS NOT NULL;
CREATE INDEX document_object ON {{ops}}.document (object_id);
-- Two documents may want to replace one; the first that is found clean does.
CREATE UNIQUE INDEX document_successor ON {{ops}}.document (superseded_by);

-- A link to one document's bytes, of which only a hash is kept; it dies with the session it was made in.
CREATE TABLE {{ops}}.document_link (
    token_hash bytea PRIMARY KEY CHECK (pg_catalog.octet_length(token_hash) = 32),
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    document_id uuid NOT NULL REFERENCES {{ops}}.document (id),
    session_id uuid NOT NULL REFERENCES {{ops}}.session (id) ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX document_link_expiry ON {{ops}}.document_link (expires_at);
CREATE INDEX document_link_session ON {{ops}}.document_link (session_id);

CREATE TABLE {{phi}}.document_text (
    document_id uuid PRIMARY KEY REFERENCES {{ops}}.document (id),
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    title bytea NOT NULL,
    notes bytea,
    file_name bytea,
    sha256 bytea,
    version bigint NOT NULL DEFAULT 1 CHECK (version > 0)
);
