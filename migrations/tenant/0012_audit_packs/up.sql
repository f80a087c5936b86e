-- One row a month of the clinic's audit log that was packed to take away. The files are in the archive, named by their hashes;
-- the signed note and the sums that it signs are here, too, so that a list needs no archive.
CREATE TABLE {{ops}}.audit_pack (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    month date NOT NULL UNIQUE CHECK (extract(day FROM month) = 1),
    events bigint NOT NULL CHECK (events > 0),
    note text NOT NULL CHECK (pg_catalog.length(note) <= 16384),
    sums text NOT NULL CHECK (pg_catalog.length(sums) <= 262144),
    made_at timestamptz NOT NULL
);
