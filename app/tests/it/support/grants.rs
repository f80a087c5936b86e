//! A grant that support asked a clinic for, as the region's worker writes it down.

use app::audit;
use app::registry;
use app::store;
use app::support::model::{GrantId, GrantRow, GrantState, Said};
use app::support::queries;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Clinic, World};

impl World {
    /// The id of a new one that waits for the clinic's answer.
    pub(crate) async fn support_grant(&self, clinic: &Clinic) -> String {
        let id = Uuid::from_bytes(regions::random::bytes::<16>());
        let sealer = self.app.keys().tenant_sealer(clinic.tenant.id).await.unwrap();
        let said = Said { login: "night.desk".into(), reason: "Mails have not gone out since noon.".into() };
        let row = GrantRow {
            id,
            tenant_id: clinic.tenant.id.as_uuid(),
            asked_by: Uuid::from_u128(7),
            said_sealed: store::seal(&sealer, registry::SUPPORT_SAID, id.into_bytes(), &said).unwrap(),
            minutes: 30,
            state: GrantState::Asked.as_str().to_owned(),
            asked_at: DateTime::<Utc>::from(self.app.clock.now()),
            answered_by: None,
            answered_at: None,
            ends_at: None,
            ended_at: None,
            ended_by: None,
        };
        let mut tx = self.region.regional.begin(clinic.tenant, "test.support").await.unwrap();
        assert!(queries::insert(&mut tx, row).await.unwrap());
        tx.commit(audit::by_system("test.support")).await.unwrap();
        GrantId::from(id).to_string()
    }
}
