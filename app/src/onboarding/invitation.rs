//! The last step of onboarding: the first administrator's account and invitation, with the mail enqueued in the same
//! transaction. Done twice it is done once, because an address has one account in a clinic.

use chrono::{DateTime, Utc};
use regions::ids::RequestId;
use tenancy::TenantRef;
use tenancy::audit::{ActorKind, AuditEntry, Outcome, Purpose};

use super::Onboarding;
use crate::access::Role;
use crate::auth::invite::{Invite, Invited};
use crate::store::StoreError;

/// Shown as the first administrator's name until they give their own.
const FIRST_ADMIN: &str = "Clinic administrator";

/// Makes the account, its invitation and the mail's job unless they are there.
pub(super) async fn ensure(worker: &Onboarding, tenant: TenantRef, address: &str) -> Result<(), StoreError> {
    let mut tx = worker.regional.begin(tenant, "tenant.first_invitation").await?;
    let invite = Invite {
        email: address,
        display_name: FIRST_ADMIN,
        role: Role::ClinicAdmin,
        now: DateTime::<Utc>::from(worker.clock.now()),
    };
    match invite.store(&mut tx, worker.regional.keys()).await {
        Ok(Invited::New { account, .. }) => {
            let entry = AuditEntry::new("staff.invite", Outcome::Allow)
                .actor(ActorKind::System, [0; 16])
                .resource("account", account.into_bytes())
                .purpose(Purpose::System)
                .request(RequestId::random());
            tx.commit(entry).await?;
            Ok(())
        }
        // Another worker made it, before or at this very moment.
        Ok(Invited::Exists { .. }) => Ok(tx.rollback().await?),
        Err(error) if error.is_duplicate() => Ok(tx.rollback().await?),
        Err(error) => Err(error),
    }
}
