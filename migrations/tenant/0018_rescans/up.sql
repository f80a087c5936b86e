-- With which signatures a document was looked at last, as the scanner calls them, and when: new ones look at it again.
ALTER TABLE {{ops}}.document
    ADD COLUMN scanned_with text CHECK (pg_catalog.length(scanned_with) <= 200),
    ADD COLUMN scanned_at timestamptz;
CREATE INDEX document_scanned ON {{ops}}.document (scanned_at NULLS FIRST, id);
