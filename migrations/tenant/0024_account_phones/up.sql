-- The telephone of an account, where its owner is told of changes besides by mail. There is none until a code that was sent there
-- came back. It signs nobody in and is looked up by nothing, so it has no tag; several accounts may have the same one.
CREATE TABLE {{ops}}.account_phone (
    account_id uuid PRIMARY KEY REFERENCES {{ops}}.account (id),
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    -- Sealed by the account's row: it opens beside no other account.
    number_sealed bytea NOT NULL,
    verified_at timestamptz NOT NULL
);

-- Somebody asks to be told at another number, or at none.
CREATE TABLE {{ops}}.phone_change (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    account_id uuid NOT NULL REFERENCES {{ops}}.account (id),
    -- The code is worth nothing in another one. Not a reference: the row is needed until the old number was told, the session
    -- may have ended before.
    session_id uuid NOT NULL,
    -- Until it is the account's; never of a removal.
    new_sealed bytea,
    -- From then on until it was told.
    old_sealed bytea,
    -- A keyed tag: a code has too few digits for a hash to hide it.
    code_tag bytea CHECK (pg_catalog.octet_length(code_tag) = 16),
    tries integer NOT NULL DEFAULT 0 CHECK (tries >= 0),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    CONSTRAINT phone_change_old CHECK (old_sealed IS NULL OR used_at IS NOT NULL)
);
CREATE INDEX phone_change_age ON {{ops}}.phone_change (created_at);
CREATE INDEX phone_change_account ON {{ops}}.phone_change (account_id, created_at);

-- When what the mail says went to the telephone too.
ALTER TABLE {{ops}}.notice ADD COLUMN texted_at timestamptz;
