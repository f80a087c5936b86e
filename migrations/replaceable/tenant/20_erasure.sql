-- Removes every row of the sealed half that is about one patient, in whatever tables the clinic has, and the answers
-- remembered for repeated requests. Says how many rows, and of which tables, because the audit entry must name them.
CREATE OR REPLACE FUNCTION {{ops}}.erase_rows(of_patient uuid, OUT removed bigint, OUT tables text[])
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    pending oid[];
    before integer;
    one oid;
    gone bigint;
BEGIN
    removed := 0;
    tables := '{}';
    pending := ARRAY(
        SELECT c.oid FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = {{phi_literal}}::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
          AND a.attname = 'patient_id' AND NOT a.attisdropped
        ORDER BY c.oid DESC);
    -- A table that another one still refers to waits for the next round; each round removes at least one.
    WHILE cardinality(pending) > 0 LOOP
        before := cardinality(pending);
        FOREACH one IN ARRAY pending LOOP
            BEGIN
                EXECUTE format('DELETE FROM %s WHERE patient_id = $1', one::regclass) USING of_patient;
                GET DIAGNOSTICS gone = ROW_COUNT;
                IF gone > 0 THEN
                    removed := removed + gone;
                    tables := tables || (SELECT c.relname::text FROM pg_class c WHERE c.oid = one);
                END IF;
                pending := array_remove(pending, one);
            EXCEPTION WHEN foreign_key_violation THEN
                NULL;
            END;
        END LOOP;
        IF cardinality(pending) = before THEN
            RAISE EXCEPTION USING ERRCODE = 'DM005', MESSAGE = 'rows refer to each other in a circle';
        END IF;
    END LOOP;
    DELETE FROM {{ops}}.idempotency i WHERE substr(i.response_sealed, 1, 16) = uuid_send(of_patient);
    GET DIAGNOSTICS gone = ROW_COUNT;
    removed := removed + gone;
END
$$;

-- How many stored values of one patient are still sealed under an older version of the patient's key: its rotation ends
-- only when there is none, whichever table they are in.
CREATE OR REPLACE FUNCTION {{ops}}.sealed_before(of_patient uuid, version integer) RETURNS bigint
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    one record;
    found bigint;
    total bigint := 0;
BEGIN
    FOR one IN
        SELECT c.oid::regclass AS name, v.attname AS bare
        FROM pg_class c
        JOIN pg_attribute p ON p.attrelid = c.oid AND p.attname = 'patient_id' AND NOT p.attisdropped
        JOIN pg_attribute v ON v.attrelid = c.oid AND v.atttypid = 'bytea'::regtype AND NOT v.attisdropped
        WHERE c.relnamespace IN ({{phi_literal}}::regnamespace, {{ops_literal}}::regnamespace)
          AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    LOOP
        -- The header of a sealed value: version 1, suite 1, no flags, then the tenant's and the subject's key version.
        EXECUTE format(
            'SELECT count(*) FROM %1$s WHERE patient_id = $1 AND octet_length(%2$I) >= 81 '
            'AND substr(%2$I, 1, 3) = ''\x010100''::bytea '
            'AND get_byte(%2$I, 7) * 256 + get_byte(%2$I, 8) BETWEEN 1 AND $2 - 1', one.name, one.bare)
        INTO found USING of_patient, version;
        total := total + found;
    END LOOP;
    RETURN total;
END
$$;

GRANT EXECUTE ON FUNCTION {{ops}}.erase_rows(uuid), {{ops}}.sealed_before(uuid, integer) TO {{role}};
