-- Large imaging that a clinic chose to have encrypted by S3 alone, and from which size on; at most one row.
ALTER TABLE {{ops}}.stored_object
    ADD COLUMN mode text NOT NULL DEFAULT 'sealed' CHECK (mode IN ('sealed', 'direct'));

CREATE TABLE {{ops}}.document_policy (
    tenant_id uuid PRIMARY KEY CHECK (tenant_id = '{{tenant}}'),
    -- NULL: everything is sealed under the patient's key.
    direct_from_bytes bigint CHECK (direct_from_bytes BETWEEN 16777216 AND 5368709120),
    updated_at timestamptz NOT NULL,
    updated_by uuid NOT NULL
);
