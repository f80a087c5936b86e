-- What a region last said of its tenants' keys: versions, ages, rotations. No key, wrapped or not, is ever here.
create table platform.tenant_key (
    tenant_id   uuid        not null references platform.tenant (id),
    purpose     text        not null check (purpose in ('enc', 'bidx', 'rowmac', 'ctx')),
    version     bigint      not null check (version >= 1),
    state       text        not null check (state in ('next', 'active', 'decrypt', 'legacy', 'retired')),
    made_at     timestamptz not null,
    rotation    text        null check (rotation in ('announced', 'filling', 'activated', 'settling', 'done')),
    moved       bigint      null check (moved >= 0),
    reported_at timestamptz not null,
    primary key (tenant_id, purpose, version)
);
grant select, insert, delete on platform.tenant_key to {{app}};
