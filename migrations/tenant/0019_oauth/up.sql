-- Programs: those that act for themselves, whose id is also their account's, and applications that people sign in with. What is
-- said of one (name, scopes, public keys, addresses) is sealed; the row's MAC ties it to kind and state.
CREATE TABLE {{ops}}.oauth_client (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    kind text NOT NULL CHECK (kind IN ('machine', 'mobile')),
    state text NOT NULL CHECK (state IN ('active', 'disabled')),
    settings_sealed bytea NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    row_mac bytea NOT NULL CHECK (pg_catalog.octet_length(row_mac) = 37),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);

-- A session that tokens hang on has a client. Its cookie's hash is of a token that nobody was given.
ALTER TABLE {{ops}}.session ADD COLUMN client_id uuid REFERENCES {{ops}}.oauth_client (id);
CREATE INDEX session_client ON {{ops}}.session (client_id) WHERE client_id IS NOT NULL;
ALTER TABLE {{ops}}.session
    DROP CONSTRAINT session_factor_check,
    ADD CONSTRAINT session_factor_check
        CHECK (factor IN ('totp', 'recovery_code', 'passkey', 'mail_code', 'client_key'));

-- Assertions of programs that were used, until they would be too old anyway.
CREATE TABLE {{ops}}.oauth_assertion (
    client_id uuid NOT NULL REFERENCES {{ops}}.oauth_client (id),
    jti_hash bytea NOT NULL CHECK (pg_catalog.octet_length(jti_hash) = 32),
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (client_id, jti_hash)
);

-- Codes that a person gave an application, good for one exchange. What was asked for is sealed; the session is the person's own
-- in the browser, and the code dies with it. `issued` is the session that the exchange opened.
CREATE TABLE {{ops}}.oauth_code (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    code_hash bytea NOT NULL UNIQUE CHECK (pg_catalog.octet_length(code_hash) = 32),
    client_id uuid NOT NULL REFERENCES {{ops}}.oauth_client (id),
    session_id uuid NOT NULL REFERENCES {{ops}}.session (id) ON DELETE CASCADE,
    request_sealed bytea NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    issued uuid
);
CREATE INDEX oauth_code_session ON {{ops}}.oauth_code (session_id);
CREATE INDEX oauth_code_expiry ON {{ops}}.oauth_code (expires_at);

-- Refresh tokens; those of one session are a family and end with it. `successor_sealed` answers a repetition of the same
-- request for a few seconds.
CREATE TABLE {{ops}}.oauth_refresh (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    token_hash bytea NOT NULL UNIQUE CHECK (pg_catalog.octet_length(token_hash) = 32),
    session_id uuid NOT NULL REFERENCES {{ops}}.session (id) ON DELETE CASCADE,
    grant_sealed bytea NOT NULL,
    created_at timestamptz NOT NULL,
    used_at timestamptz,
    successor_sealed bytea,
    CONSTRAINT oauth_refresh_used CHECK ((used_at IS NULL) = (successor_sealed IS NULL))
);
CREATE INDEX oauth_refresh_session ON {{ops}}.oauth_refresh (session_id);
