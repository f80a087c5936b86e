-- Somebody asks to sign in with another address. Asking leaves a row whoever has that address; the worker finds out, so that the
-- answer to asking says nothing about others.
CREATE TABLE {{ops}}.email_change (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    account_id uuid NOT NULL REFERENCES {{ops}}.account (id),
    -- The code is worth nothing in another one. Not a reference: the row is needed until the old address was told, the session
    -- may have ended before.
    session_id uuid NOT NULL,
    -- Until it is the account's, or turned out to be another's.
    new_sealed bytea,
    -- From then on until it was told.
    old_sealed bytea,
    -- A keyed tag: a code has too few digits for a hash to hide it.
    code_tag bytea CHECK (pg_catalog.octet_length(code_tag) = 16),
    tries integer NOT NULL DEFAULT 0 CHECK (tries >= 0),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT email_change_old CHECK (old_sealed IS NULL OR used_at IS NOT NULL)
);
CREATE INDEX email_change_age ON {{ops}}.email_change (created_at);
CREATE INDEX email_change_account ON {{ops}}.email_change (account_id, created_at);
