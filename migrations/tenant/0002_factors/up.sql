-- Second factors of staff: when a session proved one, time-based codes, and recovery codes. What proves a factor is
-- sealed or a hash; a dump of this half signs nobody in.

ALTER TABLE {{ops}}.session
    ADD COLUMN factor text CHECK (factor IN ('totp', 'recovery_code', 'passkey')),
    ADD COLUMN factor_at timestamptz,
    ADD COLUMN factor_tries integer NOT NULL DEFAULT 0 CHECK (factor_tries >= 0),
    ADD CONSTRAINT session_factor_whole CHECK ((factor IS NULL) = (factor_at IS NULL));

-- Wrong codes are counted apart from wrong passwords: whoever gets to try a code has the password already.
ALTER TABLE {{ops}}.account
    ADD COLUMN factor_failed_count integer NOT NULL DEFAULT 0 CHECK (factor_failed_count >= 0),
    ADD COLUMN factor_locked_until timestamptz,
    ADD COLUMN reset_asked_by uuid,
    ADD COLUMN reset_asked_at timestamptz,
    ADD CONSTRAINT account_reset_whole CHECK ((reset_asked_by IS NULL) = (reset_asked_at IS NULL));

-- A secret waits in `pending_sealed` until its first code; until then the one before it stays in force. `last_step` is
-- the 30-second step of the last code taken, so that no code is taken twice.
CREATE TABLE {{ops}}.totp (
    account_id uuid PRIMARY KEY REFERENCES {{ops}}.account (id),
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    secret_sealed bytea,
    enrolled_at timestamptz,
    last_step bigint NOT NULL DEFAULT 0 CHECK (last_step >= 0),
    pending_sealed bytea,
    pending_at timestamptz,
    CONSTRAINT totp_whole CHECK ((secret_sealed IS NULL) = (enrolled_at IS NULL)),
    CONSTRAINT totp_pending_whole CHECK ((pending_sealed IS NULL) = (pending_at IS NULL))
);

CREATE TABLE {{ops}}.recovery_code (
    account_id uuid NOT NULL REFERENCES {{ops}}.account (id),
    code_hash bytea NOT NULL,
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    created_at timestamptz NOT NULL,
    used_at timestamptz,
    PRIMARY KEY (account_id, code_hash)
);

-- What an account's owner is told by mail: that something about their sign-in changed. The job that sends it holds its id.
CREATE TABLE {{ops}}.notice (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    account_id uuid NOT NULL REFERENCES {{ops}}.account (id),
    kind text NOT NULL CHECK (kind ~ '^[a-z][a-z0-9_]{0,31}$'),
    created_at timestamptz NOT NULL,
    sent_at timestamptz
);
CREATE INDEX notice_account ON {{ops}}.notice (account_id);
