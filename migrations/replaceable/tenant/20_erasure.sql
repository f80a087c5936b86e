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
-- only when there is none, whichever table they are in. What is sealed about a patient is in a table that names the patient
-- or a document of the patient's; a table of the sealed half that names neither is an error, and not a table without values.
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
        SELECT c.oid::regclass AS name, v.attname AS bare, c.relnamespace = {{phi_literal}}::regnamespace AS sealed,
            (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped
                AND a.attname IN ('patient_id', 'document_id') ORDER BY a.attname DESC LIMIT 1) AS owner
        FROM pg_class c
        JOIN pg_attribute v ON v.attrelid = c.oid AND v.atttypid = 'bytea'::regtype AND NOT v.attisdropped
        WHERE c.relnamespace IN ({{phi_literal}}::regnamespace, {{ops_literal}}::regnamespace)
          AND c.relkind IN ('r', 'p') AND NOT c.relispartition
    LOOP
        IF one.owner IS NULL THEN
            CONTINUE WHEN NOT one.sealed;
            RAISE EXCEPTION USING ERRCODE = 'DM005', MESSAGE = format('%s does not say whose its rows are', one.name);
        END IF;
        -- The header of a sealed value, and of an object in S3: version 1, suite 1, no flags, then the tenant's and the
        -- subject's key version. The shorter of the two, the object's, has 65 bytes.
        EXECUTE format(
            'SELECT count(*) FROM %1$s WHERE %3$s AND octet_length(%2$I) >= 65 '
            'AND substr(%2$I, 1, 3) = ''\x010100''::bytea '
            'AND get_byte(%2$I, 7) * 256 + get_byte(%2$I, 8) BETWEEN 1 AND $2 - 1', one.name, one.bare,
            CASE one.owner WHEN 'patient_id' THEN 'patient_id = $1'
                ELSE 'document_id IN (SELECT d.id FROM {{ops}}.document d WHERE d.patient_id = $1)' END)
        INTO found USING of_patient, version;
        total := total + found;
    END LOOP;
    RETURN total;
END
$$;

GRANT EXECUTE ON FUNCTION {{ops}}.erase_rows(uuid), {{ops}}.sealed_before(uuid, integer) TO {{role}};
