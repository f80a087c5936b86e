DROP TABLE {{ops}}.document_policy;
ALTER TABLE {{ops}}.stored_object DROP COLUMN mode;
