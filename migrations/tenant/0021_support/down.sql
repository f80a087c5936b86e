-- Rows of the log are not changed, so the constraint is taken up for new ones only.
ALTER TABLE {{ops}}.audit_event
    DROP CONSTRAINT audit_event_actor_kind_check,
    ADD CONSTRAINT audit_event_actor_kind_check
        CHECK (actor_kind IN ('staff', 'patient', 'proxy', 'client', 'system', 'anonymous')) NOT VALID;
DROP TABLE {{ops}}.support_look;
DROP TABLE {{ops}}.support_grant;
