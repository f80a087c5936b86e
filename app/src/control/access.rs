//! What can be asked of the platform API, and by whom. There is no action that reads a patient's data, and no role that
//! could be given one.

/// What somebody of the platform is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Runs the platform: regions, shards, clinics.
    Administrator,
    /// Helps clinics: sees how the platform is, and of a clinic's operational state what its administrator approved.
    Support,
}

impl Role {
    /// Every role, in the order of the printed matrix.
    pub const ALL: [Role; 2] = [Role::Administrator, Role::Support];

    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Administrator => "administrator",
            Role::Support => "support",
        }
    }

    /// The role with this stored word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

/// Whether somebody with `role` may do `action`; a new action does not compile until it is placed.
#[must_use]
pub const fn may(role: Role, action: Action) -> bool {
    match action {
        Action::ApiDescribe
        | Action::SessionCreate
        | Action::SignInDescribe
        | Action::SessionChallenge
        | Action::SessionCreatePasskey
        | Action::EnrolmentBegin
        | Action::EnrolmentFinish
        | Action::PasskeyList
        | Action::PasskeyBegin
        | Action::PasskeyAdd
        | Action::PasskeyRemove
        | Action::SessionRead
        | Action::SessionEnd
        | Action::RegionList
        | Action::ShardList
        | Action::TenantList
        | Action::TenantRead
        | Action::TenantSteps
        | Action::TenantKeys
        | Action::DirectoryHead
        | Action::DirectoryEntries => helps(role) || runs(role),
        Action::RegionAdd
        | Action::RegionTransit
        | Action::ShardAdd
        | Action::TenantCreate
        | Action::TenantSuspend
        | Action::TenantResume
        | Action::TenantOffboard => runs(role),
        // Administrators see which grants there are and end them; whoever can suspend a clinic does not also look into it.
        Action::SupportList | Action::SupportRead | Action::SupportEnd => helps(role) || runs(role),
        Action::SupportAsk | Action::SupportLook | Action::SupportAnswer => helps(role),
    }
}

const fn runs(role: Role) -> bool {
    match role {
        Role::Administrator => true,
        Role::Support => false,
    }
}

const fn helps(role: Role) -> bool {
    match role {
        Role::Support => true,
        Role::Administrator => false,
    }
}

/// One thing a caller can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Read the API description.
    ApiDescribe,
    /// Sign in.
    SessionCreate,
    /// See which ways there are to sign in.
    SignInDescribe,
    /// Begin to sign in with a passkey.
    SessionChallenge,
    /// Sign in with a passkey.
    SessionCreatePasskey,
    /// Begin to make the first passkey, by a link.
    EnrolmentBegin,
    /// Make the first passkey.
    EnrolmentFinish,
    /// List the own passkeys.
    PasskeyList,
    /// Begin to add a passkey.
    PasskeyBegin,
    /// Add a passkey.
    PasskeyAdd,
    /// Remove a passkey.
    PasskeyRemove,
    /// See the own session.
    SessionRead,
    /// Sign out.
    SessionEnd,
    /// List regions.
    RegionList,
    /// Add a region.
    RegionAdd,
    /// Change how other regions treat a region's connections.
    RegionTransit,
    /// List shards.
    ShardList,
    /// Add a shard.
    ShardAdd,
    /// Page through tenants.
    TenantList,
    /// Take a clinic on.
    TenantCreate,
    /// Read one tenant.
    TenantRead,
    /// See a tenant's steps.
    TenantSteps,
    /// See the versions and ages of a tenant's keys.
    TenantKeys,
    /// Stop serving a tenant.
    TenantSuspend,
    /// Serve it again.
    TenantResume,
    /// End it.
    TenantOffboard,
    /// Read the directory's head.
    DirectoryHead,
    /// Page through the directory's log.
    DirectoryEntries,
    /// Ask a clinic for a support grant.
    SupportAsk,
    /// Page through support grants.
    SupportList,
    /// Read one of them.
    SupportRead,
    /// End one.
    SupportEnd,
    /// Look at something under one.
    SupportLook,
    /// Read what the region answered.
    SupportAnswer,
}

impl Action {
    /// The name in the printed matrix.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ApiDescribe => "api.describe",
            Self::SessionCreate => "session.create",
            Self::SignInDescribe => "sign_in.describe",
            Self::SessionChallenge => "session.challenge",
            Self::SessionCreatePasskey => "session.create_passkey",
            Self::EnrolmentBegin => "enrolment.begin",
            Self::EnrolmentFinish => "enrolment.finish",
            Self::PasskeyList => "passkey.list",
            Self::PasskeyBegin => "passkey.begin",
            Self::PasskeyAdd => "passkey.add",
            Self::PasskeyRemove => "passkey.remove",
            Self::SessionRead => "session.read",
            Self::SessionEnd => "session.end",
            Self::RegionList => "region.list",
            Self::RegionAdd => "region.add",
            Self::RegionTransit => "region.transit",
            Self::ShardList => "shard.list",
            Self::ShardAdd => "shard.add",
            Self::TenantList => "tenant.list",
            Self::TenantCreate => "tenant.create",
            Self::TenantRead => "tenant.read",
            Self::TenantSteps => "tenant.steps",
            Self::TenantKeys => "tenant.keys",
            Self::TenantSuspend => "tenant.suspend",
            Self::TenantResume => "tenant.resume",
            Self::TenantOffboard => "tenant.offboard",
            Self::DirectoryHead => "directory.head",
            Self::DirectoryEntries => "directory.entries",
            Self::SupportAsk => "support.ask",
            Self::SupportList => "support.list",
            Self::SupportRead => "support.read",
            Self::SupportEnd => "support.end",
            Self::SupportLook => "support.look",
            Self::SupportAnswer => "support.answer",
        }
    }

    /// Whether it is open to callers without a session.
    #[must_use]
    pub const fn is_public(self) -> bool {
        match self {
            Self::ApiDescribe
            | Self::SessionCreate
            | Self::SignInDescribe
            | Self::SessionChallenge
            | Self::SessionCreatePasskey
            | Self::EnrolmentBegin
            | Self::EnrolmentFinish => true,
            Self::SessionRead
            | Self::PasskeyList
            | Self::PasskeyBegin
            | Self::PasskeyAdd
            | Self::PasskeyRemove
            | Self::SessionEnd
            | Self::RegionList
            | Self::RegionAdd
            | Self::RegionTransit
            | Self::ShardList
            | Self::ShardAdd
            | Self::TenantList
            | Self::TenantCreate
            | Self::TenantRead
            | Self::TenantSteps
            | Self::TenantKeys
            | Self::TenantSuspend
            | Self::TenantResume
            | Self::TenantOffboard
            | Self::DirectoryHead
            | Self::DirectoryEntries
            | Self::SupportAsk
            | Self::SupportList
            | Self::SupportRead
            | Self::SupportEnd
            | Self::SupportLook
            | Self::SupportAnswer => false,
        }
    }
}
