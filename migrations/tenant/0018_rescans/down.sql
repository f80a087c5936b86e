ALTER TABLE {{ops}}.document DROP COLUMN scanned_at, DROP COLUMN scanned_with;
