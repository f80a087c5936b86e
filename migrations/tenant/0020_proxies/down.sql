-- What somebody who stood in did is a patient's kind of doing to the version before. Rows of the log are not changed, so the
-- constraint is taken up for new ones only.
ALTER TABLE {{ops}}.audit_event
    DROP CONSTRAINT audit_event_actor_kind_check,
    ADD CONSTRAINT audit_event_actor_kind_check
        CHECK (actor_kind IN ('staff', 'patient', 'client', 'system', 'anonymous')) NOT VALID;
DROP TABLE {{phi}}.proxy;
-- The rules of reach read what was given. They are made again by the version before; until then nobody reaches anything.
DO $$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT c.oid::regclass AS name
        FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
        WHERE p.polname = 'in_reach' AND c.relnamespace IN ('{{ops}}'::regnamespace, '{{phi}}'::regnamespace)
    LOOP
        EXECUTE format('DROP POLICY in_reach ON %s', one.name);
        EXECUTE format('CREATE POLICY in_reach ON %s AS RESTRICTIVE USING (false)', one.name);
    END LOOP;
END
$$;
ALTER TABLE {{ops}}.relationship
    DROP CONSTRAINT proxy_ends,
    DROP CONSTRAINT proxy_has_scope,
    DROP COLUMN scope;
