-- Codes by which patients sign in. Somebody's asking leaves a row whoever it was; the worker finds out whether the address is
-- a patient's, so that the request that asked takes as long and is answered alike for everybody.
CREATE TABLE {{ops}}.sign_in_code (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    -- Of the secret in the browser that asked: the code is worth nothing in another one.
    handle_hash bytea NOT NULL UNIQUE CHECK (pg_catalog.octet_length(handle_hash) = 32),
    -- Until the worker has looked it up.
    address_sealed bytea,
    account_id uuid REFERENCES {{ops}}.account (id) ON DELETE CASCADE,
    -- A keyed tag: a code has too few digits for a hash to hide it.
    code_tag bytea CHECK (pg_catalog.octet_length(code_tag) = 16),
    tries integer NOT NULL DEFAULT 0 CHECK (tries >= 0),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT sign_in_code_whole CHECK ((account_id IS NULL) = (code_tag IS NULL))
);
CREATE INDEX sign_in_code_age ON {{ops}}.sign_in_code (created_at);
CREATE INDEX sign_in_code_account ON {{ops}}.sign_in_code (account_id, created_at);

ALTER TABLE {{ops}}.session
    DROP CONSTRAINT session_factor_check,
    ADD CONSTRAINT session_factor_check CHECK (factor IN ('totp', 'recovery_code', 'passkey', 'mail_code'));
