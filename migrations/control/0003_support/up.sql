-- Platform support: a role without a verb that changes a clinic, and the grants under which it sees a clinic's operational state.
-- The clinic's administrator answers in the home region; what is here is what was asked for and what that region said.
alter table platform.platform_admin
    add column role text not null default 'administrator' check (role in ('administrator', 'support'));

create table platform.support_grant (
    -- Begins with its time, so that ids are in the order in which grants were asked for.
    id          uuid        primary key,
    tenant_id   uuid        not null references platform.tenant (id),
    region      text        not null references platform.region (name),
    asked_by    uuid        not null references platform.platform_admin (id),
    -- What the clinic's administrator reads. Support knows no patient, so there is none to name.
    reason      text        not null check (length(reason) between 10 and 500),
    minutes     integer     not null check (minutes between 15 and 480),
    state       text        not null check (state in ('asked', 'approved', 'refused', 'ended')),
    asked_at    timestamptz not null,
    answered_at timestamptz null,
    ends_at     timestamptz null,
    over_at     timestamptz null,
    -- When the region said that it is over there, too. Until then the region's worker hears of it.
    settled_at  timestamptz null,
    check (state <> 'approved' or (answered_at is not null and ends_at is not null)),
    check ((state in ('refused', 'ended')) = (over_at is not null)),
    check (settled_at is null or over_at is not null)
);
create unique index support_grant_open on platform.support_grant (tenant_id, asked_by) where state in ('asked', 'approved');
create index support_grant_unsettled on platform.support_grant (region, id) where settled_at is null;

create table platform.support_look (
    id          uuid        primary key,
    grant_id    uuid        not null references platform.support_grant (id),
    what        text        not null check (what in ('settings', 'accounts', 'work', 'state')),
    state       text        not null check (state in ('open', 'done', 'failed')),
    code        text        null check (code ~ '^[a-z0-9_.-]{1,64}$'),
    -- Goes when the grant is over.
    answer      jsonb       null check (octet_length(answer::text) <= 65536),
    asked_at    timestamptz not null,
    answered_at timestamptz null,
    check ((state = 'open') = (answered_at is null)),
    check (answer is null or state = 'done'),
    check ((state = 'failed') = (code is not null))
);
create index support_look_grant on platform.support_look (grant_id, id);

create function platform.tell_support() returns trigger language plpgsql set search_path = pg_catalog as $$
begin
    perform pg_notify('platform_work', 'support');
    return null;
end $$;
create trigger tell_support after insert or update on platform.support_grant
    for each row execute function platform.tell_support();
create trigger tell_support after insert on platform.support_look
    for each row execute function platform.tell_support();

grant select, insert on platform.support_grant, platform.support_look to {{app}};
grant update (state, answered_at, ends_at, over_at, settled_at) on platform.support_grant to {{app}};
grant update (state, code, answer, answered_at) on platform.support_look to {{app}};
