-- What the clinic let the platform's support see of its operational state, and what was looked at. This side decides: a look is
-- answered in a transaction that has this row locked, approved and not over. There is no MAC: whoever can write these rows past the
-- program can read everything that a grant opens.
CREATE TABLE {{ops}}.support_grant (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    -- Who of the platform, as its own audit names them; never an account of the clinic.
    asked_by uuid NOT NULL,
    -- Their login and the reason in words, sealed under the clinic's key.
    said_sealed bytea NOT NULL,
    minutes integer NOT NULL CHECK (minutes BETWEEN 15 AND 480),
    state text NOT NULL CHECK (state IN ('asked', 'approved', 'refused', 'ended')),
    asked_at timestamptz NOT NULL,
    answered_by uuid REFERENCES {{ops}}.account (id),
    answered_at timestamptz,
    ends_at timestamptz,
    ended_at timestamptz,
    -- Null when support ended it, or time did.
    ended_by uuid REFERENCES {{ops}}.account (id),
    CONSTRAINT support_answered CHECK ((answered_by IS NULL) = (answered_at IS NULL)),
    CONSTRAINT support_approved CHECK (state <> 'approved' OR (answered_by IS NOT NULL AND ends_at IS NOT NULL)),
    CONSTRAINT support_time_box CHECK (ends_at IS NULL OR (answered_at IS NOT NULL AND ends_at > answered_at
        AND extract(epoch FROM ends_at - answered_at) <= minutes * 60)),
    CONSTRAINT support_ended CHECK ((state = 'ended') = (ended_at IS NOT NULL) AND (ended_by IS NULL OR ended_at IS NOT NULL))
);
CREATE INDEX support_grant_open ON {{ops}}.support_grant (id) WHERE state IN ('asked', 'approved');

CREATE TABLE {{ops}}.support_look (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL CHECK (tenant_id = '{{tenant}}'),
    grant_id uuid NOT NULL REFERENCES {{ops}}.support_grant (id),
    what text NOT NULL CHECK (what IN ('settings', 'accounts', 'work', 'state')),
    looked_at timestamptz NOT NULL
);
CREATE INDEX support_look_grant ON {{ops}}.support_look (grant_id, id);

-- The log tells the platform's people from the platform's own upkeep.
ALTER TABLE {{ops}}.audit_event
    DROP CONSTRAINT audit_event_actor_kind_check,
    ADD CONSTRAINT audit_event_actor_kind_check
        CHECK (actor_kind IN ('staff', 'patient', 'proxy', 'client', 'platform', 'system', 'anonymous'));
