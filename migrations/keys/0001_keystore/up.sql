-- The key store: wrapped keys of one region, in a database of its own with its own short-lived backups.
CREATE SCHEMA keystore;
REVOKE ALL ON SCHEMA keystore FROM PUBLIC;

-- One row says which region this database belongs to; a process of another region refuses to start on it.
CREATE TABLE keystore.identity (
    only_row   boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    region     text        NOT NULL CHECK (region <> ''),
    created_at timestamptz NOT NULL DEFAULT now()
);

-- Tenant keys, wrapped by the region's KMS key under the encryption context of recipe ec_version.
CREATE TABLE keystore.tenant_key (
    tenant      uuid        NOT NULL,
    purpose     text        NOT NULL CHECK (purpose IN ('enc', 'bidx', 'rowmac', 'ctx')),
    version     bigint      NOT NULL CHECK (version BETWEEN 1 AND 4294967295),
    wrapped     bytea       NOT NULL CHECK (octet_length(wrapped) BETWEEN 1 AND 6144),
    kms_key_arn text        NOT NULL CHECK (kms_key_arn LIKE 'arn:aws:kms:%'),
    ec_version  smallint    NOT NULL CHECK (ec_version = 1),
    state       text        NOT NULL CHECK (state IN ('active', 'decrypt', 'retired')),
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, purpose, version)
);
-- Two instances that create a key at once end with one: the second insert does nothing.
CREATE UNIQUE INDEX tenant_key_active ON keystore.tenant_key (tenant, purpose) WHERE state = 'active';

-- Subject keys, sealed by version tk_version of the tenant's 'enc' key in the HC1 format.
CREATE TABLE keystore.subject_key (
    tenant     uuid        NOT NULL,
    subject    uuid        NOT NULL,
    version    integer     NOT NULL CHECK (version BETWEEN 1 AND 65535),
    tk_version bigint      NOT NULL CHECK (tk_version BETWEEN 1 AND 4294967295),
    wrapped    bytea       NOT NULL CHECK (octet_length(wrapped) <= 1024),
    state      text        NOT NULL CHECK (state IN ('active', 'decrypt', 'shredded')),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant, subject, version)
);
CREATE UNIQUE INDEX subject_key_active ON keystore.subject_key (tenant, subject) WHERE state = 'active';

-- The application reads and adds keys. It cannot change or remove one: rotation and erasure get their own grants.
GRANT USAGE ON SCHEMA keystore TO domicile_app;
GRANT SELECT ON keystore.identity TO domicile_app;
GRANT SELECT, INSERT ON keystore.tenant_key, keystore.subject_key TO domicile_app;
