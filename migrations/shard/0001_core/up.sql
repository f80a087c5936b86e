-- What a shard knows: which region and shard it is, its tenants, their steps and migrations, and their context keys.
CREATE SCHEMA meta;
CREATE SCHEMA sec;
CREATE SCHEMA jobs;

-- One row. It is written once, by the first migrator, and compared by every process at boot and each minute.
CREATE TABLE meta.identity (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    region text NOT NULL CHECK (region <> ''),
    shard integer NOT NULL CHECK (shard BETWEEN 0 AND 65535),
    claimed_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);

-- The tenants that live here. No slug and no name: those are the control plane's.
CREATE TABLE meta.tenant (
    id uuid PRIMARY KEY,
    role_name text NOT NULL UNIQUE,
    -- Transactions of an older epoch are refused; it only grows.
    epoch integer NOT NULL CHECK (epoch >= 0),
    state text NOT NULL CHECK (state IN ('provisioning', 'ready', 'destroying', 'destroyed')),
    -- The last tenant migration applied, and the hash of the replaceable files applied after it.
    version integer NOT NULL DEFAULT 0,
    replaceable text NOT NULL DEFAULT '',
    -- Hash of the tenant's part of the catalog as the last migration left it.
    fingerprint text NOT NULL DEFAULT '',
    error_code text,
    updated_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);

-- How far onboarding has come, so that any process can finish what another began.
CREATE TABLE meta.provision_step (
    tenant uuid NOT NULL,
    step text NOT NULL,
    state text NOT NULL CHECK (state IN ('started', 'done')),
    attempts integer NOT NULL DEFAULT 1,
    updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    PRIMARY KEY (tenant, step)
);

-- Every migration applied; the tenant is null for the shard's own.
CREATE TABLE meta.migration (
    tenant uuid,
    version integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    UNIQUE NULLS NOT DISTINCT (tenant, version)
);

-- Hash of each group of replaceable files that concerns the whole shard.
CREATE TABLE meta.replaceable (
    scope text PRIMARY KEY,
    hash text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT pg_catalog.now()
);

-- Keys of tenant contexts, already combined with the two pads of HMAC. Nobody but the owner of sec.tenant() may read.
CREATE TABLE sec.context_key (
    tenant uuid NOT NULL,
    version integer NOT NULL,
    role_name text NOT NULL,
    inner_block bytea NOT NULL CHECK (pg_catalog.octet_length(inner_block) = 64),
    outer_block bytea NOT NULL CHECK (pg_catalog.octet_length(outer_block) = 64),
    created_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    PRIMARY KEY (tenant, version)
);
CREATE INDEX context_key_role ON sec.context_key (role_name);
