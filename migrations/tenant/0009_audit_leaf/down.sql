DROP INDEX {{ops}}.audit_event_about, {{ops}}.audit_event_actor, {{ops}}.audit_event_denied, {{ops}}.audit_event_break_glass;
ALTER TABLE {{ops}}.audit_event
    DROP COLUMN instance_id, DROP COLUMN period, DROP COLUMN detail_sealed, DROP COLUMN leaf,
    DROP COLUMN entry;
