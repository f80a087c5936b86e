-- The log of a shard: events that wait to be sealed, and what the sealer has made of them. Tenants' roles have no right on
-- any of these tables; their events come in by a trigger, and what they may know goes out through functions.
CREATE SCHEMA audit;

-- One row an event that is committed and not sealed. Nothing is kept here for long.
CREATE TABLE audit.pending (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant uuid NOT NULL,
    event_id uuid NOT NULL,
    leaf bytea NOT NULL CHECK (pg_catalog.octet_length(leaf) = 32),
    entry bytea NOT NULL CHECK (pg_catalog.octet_length(entry) <= 8192),
    recorded_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

-- The log's head, and whose turn it is. Every batch names the fence it was given, so that a sealer that slept through
-- its lease changes nothing.
CREATE TABLE audit.log (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    epoch integer NOT NULL,
    size bigint NOT NULL DEFAULT 0 CHECK (size >= 0),
    peaks bytea NOT NULL DEFAULT '',
    fence bigint NOT NULL DEFAULT 0,
    lease_until timestamptz NOT NULL DEFAULT '-infinity',
    last_seal_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    -- Patient data is not changed any more when the oldest unsealed event is older than this.
    behind_max_s integer NOT NULL DEFAULT 900 CHECK (behind_max_s > 0)
);

-- The head of each clinic's chain.
CREATE TABLE audit.chain (
    tenant uuid PRIMARY KEY,
    seq bigint NOT NULL CHECK (seq > 0),
    head bytea NOT NULL CHECK (pg_catalog.octet_length(head) = 32)
);

-- Where each event is.
CREATE TABLE audit.sealed (
    epoch integer NOT NULL,
    leaf_index bigint NOT NULL,
    tenant uuid NOT NULL,
    event_id uuid NOT NULL UNIQUE,
    tenant_seq bigint NOT NULL,
    tenant_prev bytea NOT NULL,
    leaf bytea NOT NULL,
    instance uuid NOT NULL,
    period bigint NOT NULL,
    PRIMARY KEY (epoch, leaf_index)
);
CREATE INDEX sealed_period ON audit.sealed (instance, period);

-- The tree's tiles and the entries' bundles, the unfinished ones included.
CREATE TABLE audit.tile (
    epoch integer NOT NULL,
    level integer NOT NULL,
    n bigint NOT NULL,
    hashes bytea NOT NULL,
    PRIMARY KEY (epoch, level, n)
);
CREATE TABLE audit.bundle (
    epoch integer NOT NULL,
    n bigint NOT NULL,
    entries bytea NOT NULL,
    PRIMARY KEY (epoch, n)
);

-- One row a batch; the note and the archive's version come when it is published. Not every size is.
CREATE TABLE audit.checkpoint (
    epoch integer NOT NULL,
    size bigint NOT NULL,
    root bytea NOT NULL,
    sealed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    note text,
    version text,
    PRIMARY KEY (epoch, size)
);
CREATE INDEX checkpoint_published ON audit.checkpoint (epoch, size) WHERE version IS NOT NULL;

-- What came of each process's own count.
CREATE TABLE audit.tally (
    instance uuid NOT NULL,
    period bigint NOT NULL,
    verdict text NOT NULL CHECK (verdict IN ('match', 'mismatch')),
    checked_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    PRIMARY KEY (instance, period)
);
