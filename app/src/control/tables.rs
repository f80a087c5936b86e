//! The tables of the `platform` schema as diesel sees them; `migrations/control` is where they come from.

diesel::table! {
    /// Regions tenants can live in.
    platform.region (name) {
        /// `us-east-1` and the like.
        name -> Text,
        /// The label in host names.
        code -> Text,
        /// `US` or `IN`.
        jurisdiction -> Text,
        /// `host:port` that accepts forwarded streams.
        peer_front_door -> Text,
        /// The port clients use.
        public_port -> Int4,
        /// `passthrough` or `refuse`.
        transit -> Text,
        /// When it was added.
        created_at -> Timestamptz,
    }
}

diesel::table! {
    /// Database clusters of the regions.
    platform.shard (region, id) {
        /// The region it stands in.
        region -> Text,
        /// Its number in that region.
        id -> Int4,
        /// How many tenants it takes.
        tenants_max -> Int4,
        /// `open` or `closed` for new tenants.
        state -> Text,
        /// When it was added.
        created_at -> Timestamptz,
    }
}

diesel::table! {
    /// Clinics: where they live and in which state they are.
    platform.tenant (id) {
        /// The tenant's id.
        id -> Uuid,
        /// Its name in host names.
        slug -> Text,
        /// The clinic's legal name.
        legal_name -> Text,
        /// Its home; never changes.
        region -> Text,
        /// The shard it lives on.
        shard -> Int4,
        /// The placement's epoch.
        epoch -> Int8,
        /// The lifecycle state.
        state -> Text,
        /// Grows with each change; the ETag.
        version -> Int8,
        /// When it applied.
        created_at -> Timestamptz,
        /// Its last change.
        updated_at -> Timestamptz,
        /// When its data were destroyed.
        purged_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// Which tenant holds a slug, and what it looks like.
    platform.tenant_slug (slug) {
        /// The name.
        slug -> Text,
        /// The name with look-alike characters folded.
        skeleton -> Text,
        /// The holder.
        tenant_id -> Uuid,
        /// Since when.
        taken_at -> Timestamptz,
    }
}

diesel::table! {
    /// Work for a region's worker.
    platform.task (id) {
        /// The task's id.
        id -> Uuid,
        /// The tenant it is about.
        tenant_id -> Uuid,
        /// The region whose worker does it.
        region -> Text,
        /// `provision` or `destroy`.
        kind -> Text,
        /// `open` or `done`.
        state -> Text,
        /// Erased when the invitation is done.
        first_admin_email -> Nullable<Text>,
        /// When it was given.
        created_at -> Timestamptz,
        /// When it ended.
        done_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// What a worker reported about a task.
    platform.task_step (task_id, step) {
        /// The task.
        task_id -> Uuid,
        /// The step's name.
        step -> Text,
        /// `done` or `failed`.
        state -> Text,
        /// Why it failed, as a code.
        code -> Nullable<Text>,
        /// How often it was reported.
        attempts -> Int4,
        /// The last report.
        changed_at -> Timestamptz,
    }
}

diesel::table! {
    /// The directory's log.
    platform.directory_log (version) {
        /// Counts from one, without a gap.
        version -> Int8,
        /// The chain up to and including this entry.
        chain -> Bytea,
        /// The entry in its canonical encoding.
        entry -> Bytea,
        /// When it was appended.
        recorded_at -> Timestamptz,
    }
}

diesel::table! {
    /// The end of the directory's log: one row.
    platform.directory_head (singleton) {
        /// Always true.
        singleton -> Bool,
        /// The newest version.
        version -> Int8,
        /// Its chain.
        chain -> Bytea,
    }
}

diesel::table! {
    /// People who run the platform.
    platform.platform_admin (id) {
        /// The administrator's id.
        id -> Uuid,
        /// The name they sign in with.
        login -> Text,
        /// The argon2id hash; none for who has passkeys only.
        password_phc -> Nullable<Text>,
        /// `active` or `disabled`.
        state -> Text,
        /// `administrator` or `support`.
        role -> Text,
        /// Wrong passwords in a row.
        failed_count -> Int4,
        /// No sign-in before this.
        locked_until -> Nullable<Timestamptz>,
        /// When the account was made.
        created_at -> Timestamptz,
        /// The last new password.
        password_changed_at -> Timestamptz,
    }
}

diesel::table! {
    /// Their sessions; tokens only as hashes.
    platform.platform_session (id) {
        /// The session's id.
        id -> Uuid,
        /// SHA-256 of the cookie's token.
        token_hash -> Bytea,
        /// SHA-256 of the CSRF token.
        csrf_hash -> Bytea,
        /// Whose it is.
        admin_id -> Uuid,
        /// When it began.
        created_at -> Timestamptz,
        /// The last request.
        last_seen_at -> Timestamptz,
        /// Ends when idle until then.
        idle_expires_at -> Timestamptz,
        /// Ends then in any case.
        absolute_expires_at -> Timestamptz,
        /// Signed out.
        revoked_at -> Nullable<Timestamptz>,
        /// `passkey` or `password`; none in a session of an older version.
        proven_by -> Nullable<Text>,
        /// When it was proved.
        proven_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// Their passkeys: public keys only.
    platform.platform_passkey (id) {
        /// The passkey's id here.
        id -> Uuid,
        /// Whose it is.
        admin_id -> Uuid,
        /// Its id at the authenticator.
        credential_id -> Bytea,
        /// The public key as COSE.
        cose_key -> Bytea,
        /// The authenticator's counter at the last use.
        sign_count -> Int8,
        /// What its owner calls it.
        label -> Text,
        /// When it was added.
        created_at -> Timestamptz,
        /// When it signed in last.
        last_used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// Challenges that wait for their one answer.
    platform.platform_challenge (id) {
        /// The row's id.
        id -> Uuid,
        /// The session it was given to.
        session_id -> Nullable<Uuid>,
        /// Or SHA-256 of the handle that came with it.
        handle_hash -> Nullable<Bytea>,
        /// `register`, `enrol` or `sign_in`.
        purpose -> Text,
        /// What has to be signed.
        bytes -> Bytea,
        /// Good until then.
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    /// Links by which somebody makes the first passkey; tokens only as hashes.
    platform.enrolment (token_hash) {
        /// SHA-256 of the link's token.
        token_hash -> Bytea,
        /// Whose first passkey.
        admin_id -> Uuid,
        /// When the command line gave it.
        created_at -> Timestamptz,
        /// Good until then.
        expires_at -> Timestamptz,
    }
}

diesel::table! {
    /// Who did what on the platform; append-only.
    platform.platform_audit (seq) {
        /// Order.
        seq -> Int8,
        /// When.
        recorded_at -> Timestamptz,
        /// `admin`, `operator`, `worker` or `anonymous`.
        actor_kind -> Text,
        /// The administrator, if one.
        actor_id -> Nullable<Uuid>,
        /// What was done.
        action -> Text,
        /// `allow` or `deny`.
        outcome -> Text,
        /// The kind of thing.
        resource_kind -> Text,
        /// Which one.
        resource_id -> Nullable<Text>,
        /// The region concerned.
        region -> Nullable<Text>,
        /// The request.
        request_id -> Bytea,
        /// Why it was refused, as a code.
        reason -> Nullable<Text>,
    }
}

diesel::table! {
    /// Idempotency keys of tenant creation.
    platform.idempotency (admin_id, key_hash) {
        /// Whose key.
        admin_id -> Uuid,
        /// SHA-256 of the key.
        key_hash -> Bytea,
        /// SHA-256 of the request it was first used with.
        request_hash -> Bytea,
        /// What that request made.
        tenant_id -> Uuid,
        /// When.
        created_at -> Timestamptz,
    }
}

diesel::table! {
    /// What a region last said of a tenant's keys.
    platform.tenant_key (tenant_id, purpose, version) {
        /// Whose.
        tenant_id -> Uuid,
        /// What for.
        purpose -> Text,
        /// From 1.
        version -> BigInt,
        /// `next`, `active`, `decrypt`, `legacy` or `retired`.
        state -> Text,
        /// When it was made.
        made_at -> Timestamptz,
        /// Stage of the rotation that ends with it.
        rotation -> Nullable<Text>,
        /// What that rotation has moved.
        moved -> Nullable<BigInt>,
        /// When the region said so.
        reported_at -> Timestamptz,
    }
}

diesel::table! {
    /// Grants under which platform support sees a clinic's operational state.
    platform.support_grant (id) {
        /// The grant's id; begins with its time.
        id -> Uuid,
        /// The clinic.
        tenant_id -> Uuid,
        /// Its home, whose worker hears of it.
        region -> Text,
        /// Who asked.
        asked_by -> Uuid,
        /// Why, in words.
        reason -> Text,
        /// How long it lasts once it is approved.
        minutes -> Int4,
        /// `asked`, `approved`, `refused` or `ended`.
        state -> Text,
        /// When it was asked for.
        asked_at -> Timestamptz,
        /// When the clinic answered.
        answered_at -> Nullable<Timestamptz>,
        /// When it ends by itself.
        ends_at -> Nullable<Timestamptz>,
        /// When it was refused or ended.
        over_at -> Nullable<Timestamptz>,
        /// When the region said so, too.
        settled_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    /// What was looked at under a grant.
    platform.support_look (id) {
        /// The look's id; begins with its time.
        id -> Uuid,
        /// The grant.
        grant_id -> Uuid,
        /// `settings`, `accounts`, `work` or `state`.
        what -> Text,
        /// `open`, `done` or `failed`.
        state -> Text,
        /// Why it failed.
        code -> Nullable<Text>,
        /// What the region answered; gone when the grant is over.
        answer -> Nullable<Jsonb>,
        /// When it was asked for.
        asked_at -> Timestamptz,
        /// When the region answered.
        answered_at -> Nullable<Timestamptz>,
    }
}

diesel::joinable!(support_grant -> tenant (tenant_id));
diesel::joinable!(support_grant -> platform_admin (asked_by));
diesel::joinable!(support_look -> support_grant (grant_id));
diesel::joinable!(task -> tenant (tenant_id));
diesel::joinable!(platform_session -> platform_admin (admin_id));
diesel::joinable!(platform_passkey -> platform_admin (admin_id));
diesel::joinable!(enrolment -> platform_admin (admin_id));
diesel::joinable!(task_step -> task (task_id));
diesel::allow_tables_to_appear_in_same_query!(
    tenant,
    task,
    task_step,
    tenant_slug,
    shard,
    platform_admin,
    platform_session,
    support_grant,
    support_look,
    platform_passkey,
    enrolment
);
