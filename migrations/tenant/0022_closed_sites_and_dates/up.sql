-- A site that was closed takes nobody new and stays where it is named: who was registered there still is. Null while it is open.
ALTER TABLE {{ops}}.site ADD COLUMN closed_at timestamptz;

-- The day that a document itself bears, which is not the day on which it was announced. Sealed like what it is called.
ALTER TABLE {{phi}}.document_text ADD COLUMN dated_on bytea;
