-- A site that was closed takes nobody new and stays where it is named: who was registered there still is. Null while it is open.
ALTER TABLE {{ops}}.site ADD COLUMN closed_at timestamptz;

-- The day that a document itself bears, which is not the day on which it was announced. Sealed like what it is called.
ALTER TABLE {{phi}}.document_text ADD COLUMN dated_on bytea;

-- What a session was opened with, for its owner to tell one device from another. Null with applications and with what is older.
ALTER TABLE {{ops}}.session
    ADD COLUMN browser text CHECK (browser IN ('edge', 'opera', 'samsung', 'firefox', 'chrome', 'safari', 'other')),
    ADD COLUMN system text CHECK (system IN ('android', 'ios', 'windows', 'chromeos', 'macos', 'linux', 'other'));
