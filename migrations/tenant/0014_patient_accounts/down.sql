DELETE FROM {{ops}}.session WHERE factor = 'mail_code';
ALTER TABLE {{ops}}.session
    DROP CONSTRAINT session_factor_check,
    ADD CONSTRAINT session_factor_check CHECK (factor IN ('totp', 'recovery_code', 'passkey'));
DROP TABLE {{ops}}.sign_in_code;
