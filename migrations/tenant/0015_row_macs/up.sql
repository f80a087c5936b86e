-- What ties the sealed columns of a row together, and to the row's version, in every table whose rows have several or are changed.
-- An account's covers its password's hash, role and state too: whoever can only write to the database raises nobody.
ALTER TABLE {{ops}}.account ADD COLUMN row_mac bytea NOT NULL CHECK (pg_catalog.octet_length(row_mac) = 37);
ALTER TABLE {{ops}}.totp
    ADD COLUMN version bigint NOT NULL CHECK (version > 0),
    ADD COLUMN row_mac bytea NOT NULL CHECK (pg_catalog.octet_length(row_mac) = 37);
ALTER TABLE {{phi}}.break_glass
    ADD COLUMN version bigint NOT NULL CHECK (version > 0),
    ADD COLUMN row_mac bytea NOT NULL CHECK (pg_catalog.octet_length(row_mac) = 37);
ALTER TABLE {{phi}}.document_text ADD COLUMN row_mac bytea NOT NULL CHECK (pg_catalog.octet_length(row_mac) = 37);
