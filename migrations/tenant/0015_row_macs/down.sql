ALTER TABLE {{phi}}.document_text DROP COLUMN row_mac;
ALTER TABLE {{phi}}.break_glass DROP COLUMN row_mac, DROP COLUMN version;
ALTER TABLE {{ops}}.totp DROP COLUMN row_mac, DROP COLUMN version;
ALTER TABLE {{ops}}.account DROP COLUMN row_mac;
