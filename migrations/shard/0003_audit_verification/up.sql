-- What came of the worker's last check of the log that lies in the archive, and what it needs to go on from there. One row, because
-- a shard has one log. It is no proof: whoever owns the database can write it. The proof is `audit-verify`, by somebody else.
CREATE TABLE audit.verification (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    epoch integer NOT NULL,
    -- So many entries were there when it was last found good, and this is the root of the tree over them.
    size bigint NOT NULL CHECK (size >= 0),
    root bytea NOT NULL CHECK (pg_catalog.octet_length(root) = 32),
    -- `verified`, or what kind of thing is wrong, and the first entry that may be concerned.
    outcome text NOT NULL CHECK (outcome ~ '^[a-z]{1,20}$'),
    first_bad bigint CHECK (first_bad >= 0),
    memory text NOT NULL CHECK (pg_catalog.octet_length(memory) <= 8388608),
    checked_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    CONSTRAINT verification_bad CHECK ((outcome = 'verified') = (first_bad IS NULL))
);
