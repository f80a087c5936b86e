-- The life of keys after they were made: rotation and erasure. The application's log-in still reads and adds only; what
-- changes or removes a key is a function here, for the role domicile_keeper alone, and each does one narrow thing.

-- 'next' may open and does not seal yet: every process must know a version before any process seals with it.
-- 'legacy' opens what the tenant's key itself sealed (a log that cannot be rewritten), and unwraps no subject key.
ALTER TABLE keystore.tenant_key DROP CONSTRAINT tenant_key_state_check;
ALTER TABLE keystore.tenant_key ADD CONSTRAINT tenant_key_state_check
    CHECK (state IN ('next', 'active', 'decrypt', 'legacy', 'retired'));
ALTER TABLE keystore.tenant_key ADD COLUMN changed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp();
CREATE UNIQUE INDEX tenant_key_next ON keystore.tenant_key (tenant, purpose) WHERE state = 'next';
CREATE INDEX tenant_key_changed ON keystore.tenant_key (changed_at);
CREATE INDEX subject_key_wrapping ON keystore.subject_key (tenant, tk_version, subject);

-- Subjects that were erased, numbered as in the region's object-locked erasure ledger. An id is never given away again.
CREATE TABLE keystore.erased (
    tenant    uuid        NOT NULL,
    subject   uuid        NOT NULL,
    seq       bigint      NOT NULL UNIQUE CHECK (seq > 0),
    erasure   uuid        NOT NULL,
    erased_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, subject)
);

-- How far a rotation has come; a process killed anywhere is followed by one that reads this. Counts only.
CREATE TABLE keystore.rotation (
    id          uuid        PRIMARY KEY,
    tenant      uuid        NOT NULL,
    purpose     text        NOT NULL CHECK (purpose IN ('enc', 'bidx', 'rowmac')),
    to_version  bigint      NOT NULL,
    stage       text        NOT NULL CHECK (stage IN ('announced', 'filling', 'activated', 'settling', 'done')),
    done        bigint      NOT NULL DEFAULT 0 CHECK (done >= 0),
    position    uuid,
    started_at  timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    changed_at  timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
CREATE UNIQUE INDEX rotation_running ON keystore.rotation (tenant, purpose) WHERE stage <> 'done';

-- A key for an erased subject, or under a version that no longer wraps, is not added, whoever adds it.
CREATE FUNCTION keystore.guard_subject_key() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM keystore.erased e WHERE e.tenant = NEW.tenant AND e.subject = NEW.subject)
        OR NOT EXISTS (
            SELECT FROM keystore.tenant_key k
            WHERE k.tenant = NEW.tenant AND k.purpose = 'enc' AND k.version = NEW.tk_version
              AND k.state IN ('active', 'decrypt'))
    THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER subject_key_guard BEFORE INSERT ON keystore.subject_key
    FOR EACH ROW EXECUTE FUNCTION keystore.guard_subject_key();

-- Announces the next version. Of two instances here at once one succeeds.
CREATE FUNCTION keystore.announce_tenant_key(
    of_tenant uuid, of_purpose text, of_version bigint, new_wrapped bytea, arn text, recipe smallint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF of_version <> (SELECT max(version) + 1 FROM keystore.tenant_key WHERE tenant = of_tenant AND purpose = of_purpose)
        OR NOT EXISTS (SELECT FROM keystore.tenant_key
                       WHERE tenant = of_tenant AND purpose = of_purpose AND state = 'active')
    THEN
        RETURN false;
    END IF;
    INSERT INTO keystore.tenant_key (tenant, purpose, version, wrapped, kms_key_arn, ec_version, state)
    VALUES (of_tenant, of_purpose, of_version, new_wrapped, arn, recipe, 'next') ON CONFLICT DO NOTHING;
    RETURN FOUND;
END $$;

-- Lets the announced version seal, once every process has had the time to learn of it.
CREATE FUNCTION keystore.activate_tenant_key(of_tenant uuid, of_purpose text, of_version bigint, notice_s integer)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM FROM keystore.tenant_key WHERE tenant = of_tenant AND purpose = of_purpose FOR UPDATE;
    IF NOT EXISTS (
        SELECT FROM keystore.tenant_key
        WHERE tenant = of_tenant AND purpose = of_purpose AND version = of_version AND state = 'next'
          AND changed_at <= clock_timestamp() - make_interval(secs => notice_s))
    THEN
        RETURN EXISTS (SELECT FROM keystore.tenant_key WHERE tenant = of_tenant AND purpose = of_purpose
                       AND version = of_version AND state = 'active');
    END IF;
    UPDATE keystore.tenant_key SET state = 'decrypt', changed_at = clock_timestamp()
    WHERE tenant = of_tenant AND purpose = of_purpose AND state = 'active';
    UPDATE keystore.tenant_key SET state = 'active', changed_at = clock_timestamp()
    WHERE tenant = of_tenant AND purpose = of_purpose AND version = of_version;
    RETURN true;
END $$;

-- Puts subject keys that are still what the caller read under the active version; says how many.
CREATE FUNCTION keystore.rewrap(
    of_tenant uuid, to_version bigint, subjects uuid[], versions integer[], olds bytea[], news bytea[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    changed bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM keystore.tenant_key
                   WHERE tenant = of_tenant AND purpose = 'enc' AND version = to_version AND state = 'active')
    THEN
        RETURN 0;
    END IF;
    UPDATE keystore.subject_key k SET wrapped = n.new_wrapped, tk_version = to_version
    FROM unnest(subjects, versions, olds, news) AS n (subject, version, old_wrapped, new_wrapped)
    WHERE k.tenant = of_tenant AND k.subject = n.subject AND k.version = n.version AND k.wrapped = n.old_wrapped
      AND k.tk_version < to_version AND k.state IN ('active', 'decrypt');
    GET DIAGNOSTICS changed = ROW_COUNT;
    RETURN changed;
END $$;

-- The floor: versions below the active one stop unwrapping subject keys ('enc': legacy) or stop altogether (others: retired).
-- Refused while a subject key still needs one, or before every process has had the time to learn of the active version.
CREATE FUNCTION keystore.close_older_tenant_keys(of_tenant uuid, of_purpose text, notice_s integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    floor bigint;
BEGIN
    SELECT version INTO floor FROM keystore.tenant_key
    WHERE tenant = of_tenant AND purpose = of_purpose AND state = 'active'
      AND changed_at <= clock_timestamp() - make_interval(secs => notice_s) FOR UPDATE;
    IF floor IS NULL THEN
        RETURN false;
    END IF;
    -- New subject keys under an old version wait for this lock, and are then refused by the guard.
    LOCK TABLE keystore.subject_key IN SHARE ROW EXCLUSIVE MODE;
    IF of_purpose = 'enc'
        AND EXISTS (SELECT FROM keystore.subject_key WHERE tenant = of_tenant AND tk_version < floor) THEN
        RETURN false;
    END IF;
    UPDATE keystore.tenant_key
    SET state = CASE of_purpose WHEN 'enc' THEN 'legacy' ELSE 'retired' END, changed_at = clock_timestamp()
    WHERE tenant = of_tenant AND purpose = of_purpose AND version < floor AND state = 'decrypt';
    RETURN true;
END $$;

-- A subject's next version, which seals from now on; the one before opens until it is dropped.
CREATE FUNCTION keystore.add_subject_version(
    of_tenant uuid, of_subject uuid, of_version integer, tk bigint, new_wrapped bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE keystore.subject_key SET state = 'decrypt'
    WHERE tenant = of_tenant AND subject = of_subject AND state = 'active' AND version = of_version - 1;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO keystore.subject_key (tenant, subject, version, tk_version, wrapped, state)
    VALUES (of_tenant, of_subject, of_version, tk, new_wrapped, 'active');
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'DK001', MESSAGE = 'the wrapping key is not active';
    END IF;
    RETURN true;
END $$;

-- Overwrites and removes the versions of a subject's key that only open.
CREATE FUNCTION keystore.drop_older_subject_versions(of_tenant uuid, of_subject uuid) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    dropped bigint;
BEGIN
    UPDATE keystore.subject_key SET wrapped = decode(repeat('00', octet_length(wrapped)), 'hex')
    WHERE tenant = of_tenant AND subject = of_subject AND state = 'decrypt';
    DELETE FROM keystore.subject_key WHERE tenant = of_tenant AND subject = of_subject AND state = 'decrypt';
    GET DIAGNOSTICS dropped = ROW_COUNT;
    RETURN dropped;
END $$;

-- Destroys a subject's key and numbers the erasure. Done again it changes nothing and says the same number.
-- A restore gives the number and the time that the ledger has.
CREATE FUNCTION keystore.shred(
    of_tenant uuid, of_subject uuid, of_erasure uuid, ledger_seq bigint, ledger_at timestamptz,
    OUT numbered bigint, OUT since timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    LOCK TABLE keystore.erased IN SHARE ROW EXCLUSIVE MODE;
    UPDATE keystore.subject_key k
    SET wrapped = decode(repeat('00', octet_length(wrapped)), 'hex'), state = 'shredded'
    WHERE k.tenant = of_tenant AND k.subject = of_subject;
    DELETE FROM keystore.subject_key k WHERE k.tenant = of_tenant AND k.subject = of_subject;
    INSERT INTO keystore.erased AS e (tenant, subject, seq, erasure, erased_at)
    VALUES (of_tenant, of_subject,
        coalesce(ledger_seq, (SELECT coalesce(max(e2.seq), 0) + 1 FROM keystore.erased e2)),
        of_erasure, coalesce(ledger_at, clock_timestamp()))
    ON CONFLICT (tenant, subject) DO NOTHING;
    SELECT e.seq, e.erased_at INTO numbered, since FROM keystore.erased e
    WHERE e.tenant = of_tenant AND e.subject = of_subject;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA keystore FROM PUBLIC;
GRANT USAGE ON SCHEMA keystore TO domicile_keeper;
GRANT SELECT ON ALL TABLES IN SCHEMA keystore TO domicile_keeper;
GRANT INSERT, UPDATE ON keystore.rotation TO domicile_keeper;
GRANT EXECUTE ON FUNCTION
    keystore.announce_tenant_key(uuid, text, bigint, bytea, text, smallint),
    keystore.activate_tenant_key(uuid, text, bigint, integer),
    keystore.rewrap(uuid, bigint, uuid[], integer[], bytea[], bytea[]),
    keystore.close_older_tenant_keys(uuid, text, integer),
    keystore.add_subject_version(uuid, uuid, integer, bigint, bytea),
    keystore.drop_older_subject_versions(uuid, uuid),
    keystore.shred(uuid, uuid, uuid, bigint, timestamptz)
TO domicile_keeper;
GRANT SELECT ON keystore.erased TO domicile_app;
