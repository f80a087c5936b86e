-- Passkeys, the challenges they answer, devices an account's owner is known by, and recovery by mail. Public keys and
-- hashes only: nothing here signs anybody in.

CREATE TABLE {{ops}}.passkey (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    account_id uuid NOT NULL REFERENCES {{ops}}.account (id),
    credential_id bytea NOT NULL UNIQUE,
    cose_key bytea NOT NULL,
    sign_count bigint NOT NULL CHECK (sign_count >= 0),
    created_at timestamptz NOT NULL,
    last_used_at timestamptz
);
CREATE INDEX passkey_account ON {{ops}}.passkey (account_id);

-- A challenge is good for one answer, in the session it was given to; one for a sign-in belongs to a handle instead.
CREATE TABLE {{ops}}.challenge (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    session_id uuid REFERENCES {{ops}}.session (id) ON DELETE CASCADE,
    handle_hash bytea UNIQUE,
    purpose text NOT NULL CHECK (purpose IN ('register', 'prove', 'sign_in')),
    bytes bytea NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT challenge_owner CHECK ((session_id IS NULL) <> (handle_hash IS NULL))
);
CREATE INDEX challenge_session ON {{ops}}.challenge (session_id);
CREATE INDEX challenge_expiry ON {{ops}}.challenge (expires_at);

-- A device that has signed in with a second factor has a count of wrong passwords of its own, so that strangers who
-- guess cannot keep the owner out.
CREATE TABLE {{ops}}.device (
    account_id uuid NOT NULL REFERENCES {{ops}}.account (id),
    token_hash bytea NOT NULL,
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    created_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    failed_count integer NOT NULL DEFAULT 0 CHECK (failed_count >= 0),
    locked_until timestamptz,
    PRIMARY KEY (account_id, token_hash)
);

-- Somebody asked for a mail. The address is sealed and looked up by the worker: the request that asked takes as long and
-- is answered alike whether anybody has it.
CREATE TABLE {{ops}}.mail_request (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    kind text NOT NULL CHECK (kind IN ('password')),
    address_sealed bytea NOT NULL,
    created_at timestamptz NOT NULL,
    done_at timestamptz
);
CREATE INDEX mail_request_age ON {{ops}}.mail_request (created_at);

CREATE TABLE {{ops}}.recovery (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    account_id uuid NOT NULL REFERENCES {{ops}}.account (id),
    token_hash bytea NOT NULL UNIQUE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX recovery_account ON {{ops}}.recovery (account_id);

-- What a clinic has shortened about its sessions; at most one row. It can lengthen nothing: the program takes the lesser.
CREATE TABLE {{ops}}.session_policy (
    tenant_id uuid PRIMARY KEY CHECK (tenant_id = '{{tenant}}'),
    idle_s integer NOT NULL CHECK (idle_s BETWEEN 60 AND 900),
    absolute_s integer NOT NULL CHECK (absolute_s BETWEEN 900 AND 43200),
    updated_at timestamptz NOT NULL
);
