-- The control plane's own schema: which regions, shards and tenants exist, who administers the platform, and the
-- log that the signed directory is folded from. Nothing here describes a patient or a member of a clinic's staff.
-- `{{app}}` is the login role of the running control process: it may never alter a table or rewrite a log.

create schema platform;
revoke all on schema platform from public;
grant usage on schema platform to {{app}};

create table platform.region (
    name            text        primary key check (name ~ '^[a-z0-9-]{3,24}$'),
    code            text        not null unique check (code ~ '^[a-z]{2,8}$'),
    jurisdiction    text        not null check (jurisdiction in ('US', 'IN')),
    peer_front_door text        not null check (length(peer_front_door) between 3 and 255),
    public_port     integer     not null check (public_port between 1 and 65535),
    transit         text        not null check (transit in ('passthrough', 'refuse')),
    created_at      timestamptz not null
);

create table platform.shard (
    region      text        not null references platform.region (name),
    id          integer     not null check (id between 1 and 65535),
    tenants_max integer     not null check (tenants_max between 1 and 100000),
    state       text        not null check (state in ('open', 'closed')),
    created_at  timestamptz not null,
    primary key (region, id)
);

create table platform.tenant (
    id         uuid        primary key,
    slug       text        not null check (slug ~ '^[a-z0-9]([a-z0-9-]{1,38})[a-z0-9]$'),
    legal_name text        not null check (length(legal_name) between 1 and 200),
    region     text        not null,
    shard      integer     not null,
    epoch      bigint      not null check (epoch >= 1),
    state      text        not null
        check (state in ('applied', 'provisioning', 'active', 'suspended', 'offboarding', 'purged')),
    version    bigint      not null check (version >= 1),
    created_at timestamptz not null,
    updated_at timestamptz not null,
    purged_at  timestamptz null,
    check ((state = 'purged') = (purged_at is not null)),
    foreign key (region, shard) references platform.shard (region, id)
);
create index tenant_load on platform.tenant (region, shard) where state <> 'purged';

-- Who holds a slug. A row is handed on to a new tenant only after the old one was purged and its quarantine ended;
-- the unique skeleton keeps two names that look alike from living side by side, or one from succeeding the other early.
create table platform.tenant_slug (
    slug      text        primary key,
    skeleton  text        not null unique,
    tenant_id uuid        not null references platform.tenant (id),
    taken_at  timestamptz not null
);

create table platform.task (
    id                uuid        primary key,
    tenant_id         uuid        not null references platform.tenant (id),
    region            text        not null references platform.region (name),
    kind              text        not null check (kind in ('provision', 'destroy')),
    state             text        not null check (state in ('open', 'done')),
    -- The only value of a person in this database. It is here so that the home region can send the invitation, and
    -- it goes the moment the invitation step is reported.
    first_admin_email text        null check (length(first_admin_email) between 3 and 254),
    created_at        timestamptz not null,
    done_at           timestamptz null,
    check ((state = 'done') = (done_at is not null)),
    check (first_admin_email is null or (kind = 'provision' and state = 'open')),
    unique (tenant_id, kind)
);
create index task_open on platform.task (region, created_at) where state = 'open';

create table platform.task_step (
    task_id    uuid        not null references platform.task (id),
    step       text        not null,
    state      text        not null check (state in ('done', 'failed')),
    code       text        null check (code ~ '^[a-z0-9_.-]{1,64}$'),
    attempts   integer     not null check (attempts >= 1),
    changed_at timestamptz not null,
    primary key (task_id, step)
);

create table platform.directory_log (
    version     bigint      primary key check (version >= 1),
    chain       bytea       not null check (octet_length(chain) = 32),
    entry       bytea       not null check (octet_length(entry) between 1 and 4096),
    recorded_at timestamptz not null
);

-- The end of the log. Locking this one row is what puts appends in order, and a log cut short no longer matches it.
create table platform.directory_head (
    singleton boolean primary key default true check (singleton),
    version bigint  not null check (version >= 0),
    chain   bytea   not null check (octet_length(chain) = 32)
);
insert into platform.directory_head (version, chain) values (0, decode(repeat('00', 32), 'hex'));

create table platform.platform_admin (
    id                  uuid        primary key,
    login               text        not null unique check (login ~ '^[a-z0-9][a-z0-9._@+-]{1,62}[a-z0-9]$'),
    password_phc        text        not null,
    state               text        not null check (state in ('active', 'disabled')),
    failed_count        integer     not null default 0,
    locked_until        timestamptz null,
    created_at          timestamptz not null,
    password_changed_at timestamptz not null
);

create table platform.platform_session (
    id                  uuid        primary key,
    token_hash          bytea       not null unique check (octet_length(token_hash) = 32),
    csrf_hash           bytea       not null check (octet_length(csrf_hash) = 32),
    admin_id            uuid        not null references platform.platform_admin (id),
    created_at          timestamptz not null,
    last_seen_at        timestamptz not null,
    idle_expires_at     timestamptz not null,
    absolute_expires_at timestamptz not null,
    revoked_at          timestamptz null
);
create index platform_session_admin on platform.platform_session (admin_id) where revoked_at is null;

create table platform.platform_audit (
    seq           bigint      generated always as identity primary key,
    recorded_at   timestamptz not null,
    actor_kind    text        not null check (actor_kind in ('admin', 'operator', 'worker', 'anonymous')),
    actor_id      uuid        null,
    action        text        not null,
    outcome       text        not null check (outcome in ('allow', 'deny')),
    resource_kind text        not null,
    resource_id   text        null,
    region        text        null,
    request_id    bytea       not null check (octet_length(request_id) = 16),
    reason        text        null
);

create table platform.idempotency (
    admin_id     uuid        not null references platform.platform_admin (id),
    key_hash     bytea       not null check (octet_length(key_hash) = 32),
    request_hash bytea       not null check (octet_length(request_hash) = 32),
    -- Checked at commit: the row is written first, so that a second request with the same key waits for the first.
    tenant_id    uuid        not null references platform.tenant (id) deferrable initially deferred,
    created_at   timestamptz not null,
    primary key (admin_id, key_hash)
);

-- A tenant's region is decided once. No role, not even the owner by mistake, changes it.
create function platform.keep_tenant_home() returns trigger language plpgsql set search_path = pg_catalog as $$
begin
    if new.id is distinct from old.id or new.region is distinct from old.region or new.slug is distinct from old.slug then
        raise exception 'a tenant keeps its id, its slug and its region' using errcode = 'restrict_violation';
    end if;
    if new.epoch < old.epoch then
        raise exception 'an epoch only grows' using errcode = 'restrict_violation';
    end if;
    return new;
end $$;
create trigger keep_tenant_home before update on platform.tenant
    for each row execute function platform.keep_tenant_home();

create function platform.append_only() returns trigger language plpgsql set search_path = pg_catalog as $$
begin
    raise exception 'this log is append-only' using errcode = 'restrict_violation';
end $$;
create trigger append_only before update or delete or truncate on platform.directory_log
    for each statement execute function platform.append_only();
create trigger append_only before update or delete or truncate on platform.platform_audit
    for each statement execute function platform.append_only();

-- Every control process listens: a change made by one of them, or by the command line, reaches all feeds at once.
create function platform.tell_directory() returns trigger language plpgsql set search_path = pg_catalog as $$
begin
    perform pg_notify('platform_directory', new.version::text);
    return null;
end $$;
create trigger tell_directory after insert on platform.directory_log
    for each row execute function platform.tell_directory();

create function platform.tell_work() returns trigger language plpgsql set search_path = pg_catalog as $$
begin
    perform pg_notify('platform_work', new.region);
    return null;
end $$;
create trigger tell_work after insert or update on platform.task
    for each row execute function platform.tell_work();

grant select, insert on platform.region, platform.shard, platform.directory_log, platform.platform_audit to {{app}};
grant update (peer_front_door, public_port, transit) on platform.region to {{app}};
grant update (tenants_max, state) on platform.shard to {{app}};
grant select, update on platform.directory_head to {{app}};
grant select, insert on platform.tenant to {{app}};
grant update (shard, epoch, state, version, updated_at, purged_at) on platform.tenant to {{app}};
grant select, insert, update on platform.tenant_slug, platform.task, platform.task_step to {{app}};
grant select, insert, update on platform.platform_admin, platform.platform_session to {{app}};
grant select, insert, delete on platform.idempotency to {{app}};
grant delete on platform.platform_session to {{app}};
