-- Platform administrators sign in with passkeys. Of a passkey only the public half is here, of a token only its hash.

-- Whoever has passkeys only has no password.
alter table platform.platform_admin alter column password_phc drop not null;

-- What a session proved, and when. Both are null in a session of the version before this one, which proved a password.
alter table platform.platform_session
    add column proven_by text        null check (proven_by in ('passkey', 'password')),
    add column proven_at timestamptz null,
    add constraint platform_session_proof_whole check ((proven_by is null) = (proven_at is null));

create table platform.platform_passkey (
    id            uuid        primary key,
    admin_id      uuid        not null references platform.platform_admin (id),
    credential_id bytea       not null unique check (octet_length(credential_id) between 1 and 1023),
    cose_key      bytea       not null check (octet_length(cose_key) between 1 and 1024),
    sign_count    bigint      not null check (sign_count between 0 and 4294967295),
    label         text        not null check (length(label) between 1 and 64),
    created_at    timestamptz not null,
    last_used_at  timestamptz null
);
create index platform_passkey_admin on platform.platform_passkey (admin_id);

-- A challenge is good for one answer within five minutes: in the session it was given to, or for whoever has the handle.
create table platform.platform_challenge (
    id          uuid        primary key,
    session_id  uuid        null references platform.platform_session (id) on delete cascade,
    handle_hash bytea       null unique check (octet_length(handle_hash) = 32),
    purpose     text        not null check (purpose in ('register', 'enrol', 'sign_in')),
    bytes       bytea       not null check (octet_length(bytes) = 32),
    expires_at  timestamptz not null,
    check ((session_id is null) <> (handle_hash is null)),
    unique (session_id, purpose)
);
create index platform_challenge_end on platform.platform_challenge (expires_at);

-- A link by which an administrator makes the first passkey: one at a time, used once, within a day.
create table platform.enrolment (
    token_hash bytea       primary key check (octet_length(token_hash) = 32),
    admin_id   uuid        not null unique references platform.platform_admin (id),
    created_at timestamptz not null,
    expires_at timestamptz not null check (expires_at <= created_at + interval '24 hours')
);

grant select, insert, delete on platform.platform_passkey, platform.platform_challenge, platform.enrolment to {{app}};
grant update (sign_count, last_used_at) on platform.platform_passkey to {{app}};
