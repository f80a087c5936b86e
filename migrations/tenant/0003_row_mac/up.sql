-- What ties a person's sealed columns and tags together, and to the version of the row that the audit log names.
ALTER TABLE {{phi}}.person
    ADD COLUMN tags_digest bytea NOT NULL CHECK (pg_catalog.octet_length(tags_digest) = 32),
    ADD COLUMN row_mac bytea NOT NULL CHECK (pg_catalog.octet_length(row_mac) = 37);
ALTER TABLE {{ops}}.audit_event ADD COLUMN row_mac bytea CHECK (pg_catalog.octet_length(row_mac) <= 64);
