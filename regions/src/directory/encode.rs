//! The one binary form of an entry: a version, a kind, and the fields in order.

use super::record::{Entry, RegionRecord, TenantRecord, TenantState};
use crate::ids::{Epoch, ShardId};
use crate::region::{Jurisdiction, Region};
use crate::residency::TransitMode;
use crate::wire::{Reader, Writer};

/// Longest entry, in bytes.
pub const ENTRY_MAX_BYTES: usize = 512;

const VERSION: u8 = 1;
const KIND_REGION: u8 = 1;
const KIND_TENANT: u8 = 2;

/// The binary form of an entry.
pub fn encode(entry: &Entry) -> Vec<u8> {
    let mut out = Writer::with_capacity(128);
    out.u8(VERSION);
    match entry {
        Entry::Region(record) => {
            out.u8(KIND_REGION);
            out.text(record.region.name.as_str());
            out.text(record.region.code.as_str());
            out.text(record.region.jurisdiction.as_str());
            out.text(&record.peer_front_door);
            out.u16(record.public_port);
            out.u8(transit_number(record.transit));
        }
        Entry::Tenant(record) => {
            out.u8(KIND_TENANT);
            out.bytes(record.id.as_bytes());
            out.text(record.slug.as_str());
            out.text(record.region.as_str());
            out.u16(record.shard.0);
            out.u8(state_number(record.state));
            out.u32(record.epoch.0);
        }
    }
    out.finish()
}

/// Reads an entry. Every byte must belong to it, and each field must be valid by itself.
pub fn decode(bytes: &[u8]) -> Option<Entry> {
    let mut from = Reader::new(bytes);
    (from.u8()? == VERSION).then_some(())?;
    let entry = match from.u8()? {
        KIND_REGION => Entry::Region(RegionRecord {
            region: Region {
                name: from.text()?.parse().ok()?,
                code: from.text()?.parse().ok()?,
                jurisdiction: from.text()?.parse::<Jurisdiction>().ok()?,
            },
            peer_front_door: from.text()?.to_owned(),
            public_port: from.u16()?,
            transit: transit_of(from.u8()?)?,
        }),
        KIND_TENANT => Entry::Tenant(TenantRecord {
            id: from.array()?.into(),
            slug: from.text()?.parse().ok()?,
            region: from.text()?.parse().ok()?,
            shard: ShardId(from.u16()?),
            state: state_of(from.u8()?)?,
            epoch: Epoch(from.u32()?),
        }),
        _ => return None,
    };
    from.is_at_end().then_some(entry)
}

fn transit_number(mode: TransitMode) -> u8 {
    match mode {
        TransitMode::Passthrough => 1,
        TransitMode::Refuse => 2,
    }
}

fn transit_of(number: u8) -> Option<TransitMode> {
    [TransitMode::Passthrough, TransitMode::Refuse].into_iter().find(|mode| transit_number(*mode) == number)
}

fn state_number(state: TenantState) -> u8 {
    match state {
        TenantState::Active => 1,
        TenantState::Suspended => 2,
        TenantState::Offboarded => 3,
    }
}

fn state_of(number: u8) -> Option<TenantState> {
    [TenantState::Active, TenantState::Suspended, TenantState::Offboarded]
        .into_iter()
        .find(|state| state_number(*state) == number)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::ids::Slug;
    use proptest::prelude::*;

    pub(crate) fn entries() -> impl Strategy<Value = Entry> {
        let region = (
            "[a-z]{2}-[a-z]{4,8}-[1-9]",
            "[a-z]{2,8}",
            "[a-z0-9.]{1,64}:[1-9][0-9]{0,3}",
            1..u16::MAX,
            1..3_u8,
        )
            .prop_map(|(name, code, peer_front_door, public_port, transit)| {
                Entry::Region(RegionRecord {
                    region: Region {
                        name: name.parse().unwrap(),
                        code: code.parse().unwrap(),
                        jurisdiction: Jurisdiction::In,
                    },
                    peer_front_door,
                    public_port,
                    transit: transit_of(transit).unwrap(),
                })
            });
        let slug = "[a-z][a-z0-9]{4,39}".prop_filter_map("reserved", |text| text.parse::<Slug>().ok());
        let tenant = (any::<[u8; 16]>(), slug, any::<u16>(), 1..4_u8, any::<u32>()).prop_map(
            |(id, slug, shard, state, epoch)| {
                Entry::Tenant(TenantRecord {
                    id: id.into(),
                    slug,
                    region: "ap-south-1".parse().unwrap(),
                    shard: ShardId(shard),
                    state: state_of(state).unwrap(),
                    epoch: Epoch(epoch),
                })
            },
        );
        prop_oneof![region, tenant]
    }

    proptest! {
        #[test]
        fn an_entry_reads_back_and_has_no_second_form(entry in entries(), cut in any::<prop::sample::Index>()) {
            let bytes = encode(&entry);
            prop_assert!(bytes.len() <= ENTRY_MAX_BYTES);
            prop_assert_eq!(decode(&bytes), Some(entry));
            prop_assert_eq!(decode(&bytes[..cut.index(bytes.len())]), None);
            prop_assert_eq!(decode(&[&bytes[..], &[0]].concat()), None);
        }

        #[test]
        fn whatever_decodes_encodes_back_to_itself(mut bytes in entries().prop_map(|e| encode(&e)), at in any::<prop::sample::Index>(), flip in 1..=255_u8) {
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            if let Some(entry) = decode(&bytes) {
                prop_assert_eq!(encode(&entry), bytes);
            }
        }
    }
}
