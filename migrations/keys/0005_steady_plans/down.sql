DROP FUNCTION keystore.wrapped_below(uuid, bigint, uuid, bigint);
CREATE OR REPLACE FUNCTION keystore.rewrap(
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
