-- What somebody who stood in did is a patient's kind of doing to the version before. Rows of the log are not changed, so the
-- constraint is taken up for new ones only.
ALTER TABLE {{ops}}.audit_event
    DROP CONSTRAINT audit_event_actor_kind_check,
    ADD CONSTRAINT audit_event_actor_kind_check
        CHECK (actor_kind IN ('staff', 'patient', 'client', 'system', 'anonymous')) NOT VALID;
DROP TABLE {{phi}}.proxy;
ALTER TABLE {{ops}}.relationship
    DROP CONSTRAINT proxy_ends,
    DROP CONSTRAINT proxy_has_scope,
    DROP COLUMN scope;
