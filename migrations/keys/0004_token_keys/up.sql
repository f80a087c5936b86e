-- Keys that the region signs access tokens with: 32 bytes each, wrapped by the region's KMS key. A version is there for some
-- minutes before it signs, so that every process knows it by then; the times are in tenancy/src/keys/tokens.rs.
CREATE TABLE keystore.token_key (
    version     bigint      PRIMARY KEY CHECK (version BETWEEN 1 AND 4294967295),
    wrapped     bytea       NOT NULL CHECK (octet_length(wrapped) BETWEEN 1 AND 6144),
    kms_key_arn text        NOT NULL CHECK (kms_key_arn LIKE 'arn:aws:kms:%'),
    ec_version  smallint    NOT NULL CHECK (ec_version = 1),
    created_at  timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);

-- The next number and no other, and not before the last one has signed for a while: whoever takes a backend over cannot push
-- the key out that others check by.
CREATE FUNCTION keystore.guard_token_key() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    last record;
BEGIN
    SELECT version, created_at INTO last FROM keystore.token_key ORDER BY version DESC LIMIT 1;
    IF NEW.version <> coalesce(last.version, 0) + 1 OR last.created_at > clock_timestamp() - interval '1 hour' THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER token_key_guard BEFORE INSERT ON keystore.token_key
    FOR EACH ROW EXECUTE FUNCTION keystore.guard_token_key();
REVOKE ALL ON FUNCTION keystore.guard_token_key() FROM PUBLIC;

GRANT SELECT, INSERT (version, wrapped, kms_key_arn, ec_version) ON keystore.token_key TO domicile_app;
GRANT SELECT ON keystore.token_key TO domicile_keeper;
