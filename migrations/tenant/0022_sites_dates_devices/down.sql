ALTER TABLE {{ops}}.session DROP COLUMN system, DROP COLUMN browser;
ALTER TABLE {{phi}}.document_text DROP COLUMN dated_on;
ALTER TABLE {{ops}}.site DROP COLUMN closed_at;
