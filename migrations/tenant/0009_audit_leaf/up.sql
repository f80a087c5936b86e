-- What makes an event provable: its hash, the process that counts it, the MAC of the row it is about, and sealed detail.
-- `entry` is taken by the trigger of replaceable/tenant and kept in no row.
--
-- The table is not partitioned by month: a thousand clinics would have twelve thousand more tables a year, and the
-- catalog is what limits how many clinics a shard can hold (docs/adr). Event ids are ordered by time, so each index below
-- is also one by time.
ALTER TABLE {{ops}}.audit_event
    ADD COLUMN instance_id uuid,
    ADD COLUMN period bigint,
    ADD COLUMN detail_sealed bytea,
    ADD COLUMN leaf bytea CHECK (pg_catalog.octet_length(leaf) = 32),
    ADD COLUMN entry bytea CHECK (entry IS NULL);
CREATE INDEX audit_event_about ON {{ops}}.audit_event (subject_id, event_id) WHERE subject_id IS NOT NULL;
CREATE INDEX audit_event_actor ON {{ops}}.audit_event (actor_id, event_id);
CREATE INDEX audit_event_denied ON {{ops}}.audit_event (event_id) WHERE outcome = 'deny';
CREATE INDEX audit_event_break_glass ON {{ops}}.audit_event (event_id) WHERE purpose = 'BREAKGLASS';
