ALTER TABLE {{ops}}.audit_event DROP COLUMN row_mac;
ALTER TABLE {{phi}}.person DROP COLUMN row_mac, DROP COLUMN tags_digest;
