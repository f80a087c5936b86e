//! What can be asked of the platform API, and of whom. There is no action that reads a patient's data, and no role that
//! could be given one.

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
            | Self::DirectoryEntries => false,
        }
    }
}
