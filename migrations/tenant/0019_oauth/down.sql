DROP TABLE {{ops}}.oauth_refresh;
DROP TABLE {{ops}}.oauth_code;
DROP TABLE {{ops}}.oauth_assertion;
DELETE FROM {{ops}}.session WHERE client_id IS NOT NULL OR factor = 'client_key';
ALTER TABLE {{ops}}.session
    DROP COLUMN client_id,
    DROP CONSTRAINT session_factor_check,
    ADD CONSTRAINT session_factor_check CHECK (factor IN ('totp', 'recovery_code', 'passkey', 'mail_code'));
DROP TABLE {{ops}}.oauth_client;
