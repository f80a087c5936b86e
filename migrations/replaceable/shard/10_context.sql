-- The tenant of the current transaction, proved by its MAC; null without a context, an error with a wrong one.
--
-- HMAC-SHA-256 (RFC 2104) from the built-in sha256(): the key is stored combined with the pads. The context names the
-- backend process, so that it is worth nothing elsewhere, and its tenant must be the one whose role is set.
CREATE OR REPLACE FUNCTION sec.tenant() RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    token text := current_setting('domicile.context', true);
    body text;
    name text;
    found uuid;
BEGIN
    IF token IS NULL OR token = '' THEN
        RETURN NULL;
    END IF;
    body := left(token, -65);
    name := 't_' || split_part(body, '.', 1);
    IF name = current_setting('role') THEN
        SELECT k.tenant INTO found
        FROM sec.context_key k
        WHERE k.role_name = name
          AND encode(sha256(k.outer_block || sha256(k.inner_block
                || convert_to('domicile-context-1|' || body, 'UTF8'))), 'hex') = right(token, 64);
    END IF;
    -- The body is ours from here on, so its numbers may be cast.
    IF found IS NULL
        OR split_part(body, '.', 3)::integer <> pg_backend_pid()
        OR split_part(body, '.', 2)::bigint < extract(epoch FROM clock_timestamp())
    THEN
        RAISE EXCEPTION USING ERRCODE = 'DM001', MESSAGE = 'tenant context rejected', CONSTRAINT = 'domicile_context';
    END IF;
    RETURN found;
END
$$;

-- What a transaction reads back before it is handed out.
CREATE OR REPLACE FUNCTION sec.read_back(OUT tenant uuid, OUT epoch integer, OUT version integer, OUT state text)
RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT t.id, t.epoch, t.version, t.state FROM meta.tenant t WHERE t.id = (SELECT sec.tenant())
$$;

-- Hash of every setting that a log-in may change, as the session has it now. A setting left behind would decide for the
-- next borrower whether it may write, how long it may wait, or whether its parameters reach the server's log.
--
-- The server's own list is written into the text here: asking pg_settings each time costs a quarter of a millisecond,
-- this a fiftieth. Settings of extensions appear when they are first used, those of TCP ask the kernel; neither
-- changes what a statement means. No search_path of its own, because the caller's is one of the settings.
DO $$
DECLARE
    settings text;
BEGIN
    SELECT string_agg(format('pg_catalog.current_setting(%L, true)', name), ', ' ORDER BY name) INTO STRICT settings
    FROM pg_settings
    WHERE context = 'user' AND name !~ '[.]|^tcp_';
    EXECUTE format($make$
        CREATE OR REPLACE FUNCTION sec.session_settings() RETURNS text
        LANGUAGE plpgsql VOLATILE
        AS $body$
        BEGIN
            RETURN pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(
                pg_catalog.array_to_string(ARRAY[%s], '|', ''), 'UTF8')), 'hex');
        END
        $body$
    $make$, settings);
END
$$;

-- Refuses a session that carries anything of an earlier borrower: `settings` is what it has, `expected` what it had when
-- it was new. As the first statement of a simple query it also notices a transaction left open: only then does now()
-- lie before statement_timestamp().
CREATE OR REPLACE FUNCTION sec.assert_clean(settings text, expected text) RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF settings IS DISTINCT FROM expected
        OR current_user <> session_user
        OR current_setting('role') <> 'none'
        OR coalesce(current_setting('domicile.context', true), '') <> ''
        OR now() <> statement_timestamp()
        OR EXISTS (SELECT FROM pg_cursors WHERE name <> '')
        OR EXISTS (SELECT FROM pg_listening_channels())
        OR pg_my_temp_schema() <> 0
    THEN
        RAISE EXCEPTION USING ERRCODE = 'DM002', MESSAGE = 'session is not clean', CONSTRAINT = 'domicile_clean';
    END IF;
END
$$;

GRANT USAGE ON SCHEMA sec TO domicile_tenant, domicile_app;
GRANT EXECUTE ON FUNCTION sec.tenant() TO domicile_tenant;
GRANT EXECUTE ON FUNCTION sec.read_back() TO domicile_tenant;
GRANT EXECUTE ON FUNCTION sec.session_settings(), sec.assert_clean(text, text) TO domicile_app;
