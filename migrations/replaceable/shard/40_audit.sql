-- Takes an event's bytes out of its row and puts them where the sealer finds them, in the same transaction. A row whose
-- hash is not that of its bytes, or that has none, is refused.
CREATE OR REPLACE FUNCTION audit.take_entry() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NEW.entry IS NULL OR NEW.instance_id IS NULL OR NEW.period IS NULL
        OR sha256('\x00'::bytea || NEW.entry) IS DISTINCT FROM NEW.leaf
    THEN
        RAISE EXCEPTION USING ERRCODE = 'DM006', MESSAGE = 'audit event refused', CONSTRAINT = 'domicile_audit_leaf';
    END IF;
    INSERT INTO audit.pending (tenant, event_id, leaf, entry)
    VALUES (NEW.tenant_id, NEW.event_id, NEW.leaf, NEW.entry);
    NEW.entry := NULL;
    RETURN NEW;
END
$$;

-- Whether the oldest unsealed event is older than may be: then patient data is not changed any more.
CREATE OR REPLACE FUNCTION audit.behind() RETURNS boolean
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT coalesce((SELECT recorded_at FROM audit.pending ORDER BY id LIMIT 1)
        < clock_timestamp() - (SELECT behind_max_s FROM audit.log) * interval '1 second', false)
$$;

-- Where an event of the transaction's own tenant is; nothing for anybody else's.
CREATE OR REPLACE FUNCTION audit.place(event uuid,
    OUT epoch integer, OUT leaf_index bigint, OUT tenant_seq bigint, OUT tenant_prev bytea, OUT size bigint, OUT note text)
RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT s.epoch, s.leaf_index, s.tenant_seq, s.tenant_prev, c.size, c.note
    FROM audit.sealed s
    LEFT JOIN LATERAL (
        SELECT c.size, c.note FROM audit.checkpoint c
        WHERE c.epoch = s.epoch AND c.size > s.leaf_index AND c.version IS NOT NULL
        ORDER BY c.size LIMIT 1) c ON true
    WHERE s.event_id = event AND s.tenant = (SELECT sec.tenant())
$$;

-- Hashes of one tile; they say nothing about what was hashed.
CREATE OR REPLACE FUNCTION audit.hashes(of_epoch integer, of_level integer, of_n bigint) RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT hashes FROM audit.tile WHERE epoch = of_epoch AND level = of_level AND n = of_n
$$;

-- How far the log is, and how much of the transaction's own tenant waits to be sealed, counted up to ten thousand. Size and
-- root are those of every receipt.
CREATE OR REPLACE FUNCTION audit.state(OUT epoch integer, OUT size bigint, OUT root bytea, OUT sealed_at timestamptz,
    OUT waiting bigint, OUT waiting_since timestamptz)
RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT c.epoch, c.size, c.root, c.sealed_at, w.waiting, w.waiting_since
    FROM (SELECT count(*) AS waiting, min(p.recorded_at) AS waiting_since
        FROM (SELECT recorded_at FROM audit.pending WHERE tenant = (SELECT sec.tenant()) ORDER BY id LIMIT 10000) p) w
    LEFT JOIN LATERAL (
        SELECT c.epoch, c.size, c.root, c.sealed_at FROM audit.checkpoint c
        WHERE c.version IS NOT NULL ORDER BY c.epoch DESC, c.size DESC LIMIT 1) c ON true
$$;

-- What came of the last check of what lies in the archive. The log is the shard's, so it is the same for each of its clinics.
CREATE OR REPLACE FUNCTION audit.verified(OUT epoch integer, OUT size bigint, OUT outcome text, OUT first_bad bigint,
    OUT checked_at timestamptz)
RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT v.epoch, v.size, v.outcome, v.first_bad, v.checked_at FROM audit.verification v
$$;

GRANT USAGE ON SCHEMA audit TO domicile_tenant, domicile_sealer;
GRANT EXECUTE ON FUNCTION audit.behind(), audit.state(), audit.verified(), audit.place(uuid),
    audit.hashes(integer, integer, bigint) TO domicile_tenant;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA audit TO domicile_sealer;
REVOKE UPDATE, DELETE ON audit.sealed, audit.tally FROM domicile_sealer;
REVOKE INSERT, UPDATE ON audit.pending FROM domicile_sealer;
