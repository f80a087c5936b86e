//! Row MACs: what ties the sealed columns of one row together, so that none of them can be emptied, swapped or rolled back.
//!
//! A sealed value proves its own place and nothing about its neighbours. A row's MAC covers which columns are filled, the
//! bytes of each, its tags, and the row's version; it is checked on every read, before anything of the row is opened. The
//! layout and its vectors are in `docs/crypto.md`.

use std::ops::Deref;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Binary;
use regions::ids::TenantId;

use super::{Column, OpenError, Sealed};
use crate::blind::TAG_BYTES;
use crate::envelope::Cell;

/// The only format version of a stored row MAC.
const FORMAT_VERSION: u8 = 1;
/// Format version, key version and MAC, in bytes.
pub const ROW_MAC_BYTES: usize = 37;
const MAC_BYTES: usize = 32;
const LABEL: &[u8] = b"hc1-row";

/// The stored MAC of a row: format version, version of the tenant's `rowmac` key, 32 bytes of HMAC-SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Binary)]
pub struct RowMac(Vec<u8>);

impl RowMac {
    /// The bytes to store, in the row and in the audit entry of the change.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn parse(&self) -> Result<(u32, &[u8; MAC_BYTES]), OpenError> {
        let (&version, rest) = self.0.split_first().ok_or(OpenError::Malformed)?;
        if version != FORMAT_VERSION {
            return Err(OpenError::UnknownVersion(version));
        }
        let (key, mac) = rest.split_first_chunk::<4>().ok_or(OpenError::Malformed)?;
        let mac = mac.try_into().map_err(|_wrong_length| OpenError::Malformed)?;
        Ok((u32::from_be_bytes(*key), mac))
    }
}

impl From<Vec<u8>> for RowMac {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl ToSql<Binary, Pg> for RowMac {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<Binary, Pg>::to_sql(self.0.as_slice(), out)
    }
}

impl FromSql<Binary, Pg> for RowMac {
    fn from_sql(bytes: PgValue<'_>) -> deserialize::Result<Self> {
        <Vec<u8> as FromSql<Binary, Pg>>::from_sql(bytes).map(Self)
    }
}

/// What a MAC says of one row. Every sealed column of the table is named each time, filled or not, in one fixed order.
pub struct RowFacts<'a> {
    table: u32,
    row: [u8; 16],
    subject: [u8; 16],
    version: i64,
    fields: Vec<(u32, Option<&'a [u8]>)>,
}

impl<'a> RowFacts<'a> {
    /// Row `row` of table number `table`, about `subject`, at its `version`.
    #[must_use]
    pub fn new(table: u32, row: [u8; 16], subject: [u8; 16], version: i64) -> Self {
        Self { table, row, subject, version, fields: Vec::with_capacity(12) }
    }

    /// A sealed column, and what it holds.
    #[must_use]
    pub fn sealed(self, column: Column, value: Option<&'a Sealed>) -> Self {
        self.bytes(column, value.map(Sealed::as_bytes))
    }

    /// A column that is protected without being sealed, such as a digest of tags.
    #[must_use]
    pub fn bytes(mut self, column: Column, value: Option<&'a [u8]>) -> Self {
        self.fields.push((column.column(), value));
        self
    }

    fn mac(&self, keys: &RowKeys, key: &(u32, hmac::Key)) -> hmac::Tag {
        let (version, key) = key;
        let mut context = hmac::Context::with_key(key);
        context.update(LABEL);
        context.update(&[keys.cell.number()]);
        context.update(keys.tenant.as_bytes());
        context.update(&self.table.to_be_bytes());
        context.update(&self.row);
        context.update(&self.subject);
        context.update(&self.version.cast_unsigned().to_be_bytes());
        context.update(&version.to_be_bytes());
        context.update(&u16::try_from(self.fields.len()).unwrap_or(u16::MAX).to_be_bytes());
        for (column, value) in &self.fields {
            context.update(&column.to_be_bytes());
            match value {
                Some(bytes) => {
                    context.update(&[1]);
                    context.update(digest(&SHA256, bytes).as_ref());
                }
                None => context.update(&[0; 33]),
            }
        }
        context.sign()
    }
}

/// A row that carries a MAC.
pub trait SealedRow {
    /// What the MAC covers.
    fn facts(&self) -> RowFacts<'_>;
    /// The MAC that was stored with it.
    fn row_mac(&self) -> &RowMac;
}

/// A row whose MAC was checked. Functions that open a row take it in this form, so that none can forget.
pub struct Verified<R>(R);

impl<R> Verified<R> {
    /// The row, owned.
    #[must_use]
    pub fn into_inner(self) -> R {
        self.0
    }
}

impl<R> Deref for Verified<R> {
    type Target = R;

    fn deref(&self) -> &R {
        &self.0
    }
}

pub(crate) struct RowKeys {
    pub(crate) cell: Cell,
    pub(crate) tenant: TenantId,
    /// By version, the active one first.
    pub(crate) keys: Vec<(u32, hmac::Key)>,
}

/// Computes and checks the MACs of one tenant's rows. Cheap to clone.
#[derive(Clone)]
pub struct RowMacs(Arc<RowKeys>);

impl RowMacs {
    pub(crate) fn new(keys: RowKeys) -> Self {
        Self(Arc::new(keys))
    }

    /// The MAC to store with a row, under the active key.
    ///
    /// # Errors
    /// [`OpenError::KeyVersion`] without a key, which the constructor does not make.
    pub fn mac(&self, facts: &RowFacts<'_>) -> Result<RowMac, OpenError> {
        let key = self.0.keys.first().ok_or(OpenError::KeyVersion)?;
        let mut bytes = Vec::with_capacity(ROW_MAC_BYTES);
        bytes.push(FORMAT_VERSION);
        bytes.extend_from_slice(&key.0.to_be_bytes());
        bytes.extend_from_slice(facts.mac(&self.0, key).as_ref());
        Ok(RowMac(bytes))
    }

    /// Checks a row that was read.
    ///
    /// # Errors
    /// [`OpenError`]; where [`OpenError::is_tampering`] holds, a security event has been logged.
    pub fn verify<R: SealedRow>(&self, row: R) -> Result<Verified<R>, OpenError> {
        match self.check(&row.facts(), row.row_mac()) {
            Ok(()) => Ok(Verified(row)),
            Err(error) => {
                if error.is_tampering() {
                    crate::keys::events::tampered(self.0.tenant, "row_tampered");
                }
                Err(error)
            }
        }
    }

    /// Whether a row's MAC is of the active key, so that a back-fill may pass it over.
    #[must_use]
    pub fn is_current(&self, mac: &RowMac) -> bool {
        let active = self.0.keys.first().map(|(version, _)| *version);
        mac.parse().is_ok_and(|(version, _)| Some(version) == active)
    }

    fn check(&self, facts: &RowFacts<'_>, stored: &RowMac) -> Result<(), OpenError> {
        let (version, mac) = stored.parse()?;
        let key = self.0.keys.iter().find(|(known, _)| *known == version).ok_or(OpenError::KeyVersion)?;
        let computed = facts.mac(&self.0, key);
        aws_lc_rs::constant_time::verify_slices_are_equal(computed.as_ref(), mac)
            .map_err(|aws_lc_rs::error::Unspecified| OpenError::Tampered)
    }
}

/// The digest of a row's blind-index tags, in any order: SHA-256 over each tag's index number and bytes, sorted.
#[must_use]
pub fn tags_digest(tags: impl IntoIterator<Item = (u32, [u8; TAG_BYTES])>) -> [u8; 32] {
    let mut all: Vec<(u32, [u8; TAG_BYTES])> = tags.into_iter().collect();
    all.sort_unstable();
    all.dedup();
    let mut context = aws_lc_rs::digest::Context::new(&SHA256);
    for (index, tag) in all {
        context.update(&index.to_be_bytes());
        context.update(&tag);
    }
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(context.finish().as_ref()).for_each(|(to, from)| *to = *from);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: [u8; 16] = [0x11; 16];
    const NAMES: Column = Column::new(100, 1);
    const PHONES: Column = Column::new(100, 4);
    const TAGS: Column = Column::new(100, 9);

    fn macs(tenant: [u8; 16], versions: &[u32]) -> RowMacs {
        let key = |version: &u32| {
            let mut bytes: Vec<u8> = (0..32).collect();
            bytes[0] = u8::try_from(version - 1).unwrap();
            (*version, hmac::Key::new(hmac::HMAC_SHA256, &bytes))
        };
        let cell = Cell::of("ap-south-1".parse().unwrap()).unwrap();
        RowMacs::new(RowKeys {
            cell,
            tenant: TenantId::from(tenant),
            keys: versions.iter().map(key).collect(),
        })
    }

    fn facts<'a>(names: Option<&'a [u8]>, phones: Option<&'a [u8]>, version: i64) -> RowFacts<'a> {
        RowFacts::new(100, [2; 16], [2; 16], version).bytes(NAMES, names).bytes(PHONES, phones)
    }

    #[test]
    fn t28_no_column_can_be_emptied_swapped_or_rolled_back_alone() {
        let macs = macs(TENANT, &[1]);
        let (one, two) = (b"sealed one".as_slice(), b"sealed two".as_slice());
        let mac = macs.mac(&facts(Some(one), Some(two), 3)).unwrap();
        assert_eq!(macs.check(&facts(Some(one), Some(two), 3), &mac), Ok(()));
        for (name, other) in [
            ("emptied", facts(Some(one), None, 3)),
            ("swapped", facts(Some(two), Some(one), 3)),
            ("empty instead of null", facts(Some(one), Some(b""), 3)),
            ("another version", facts(Some(one), Some(two), 2)),
            ("a column more", facts(Some(one), Some(two), 3).bytes(TAGS, None)),
            (
                "another row",
                RowFacts::new(100, [3; 16], [2; 16], 3).bytes(NAMES, Some(one)).bytes(PHONES, Some(two)),
            ),
            (
                "another subject",
                RowFacts::new(100, [2; 16], [3; 16], 3).bytes(NAMES, Some(one)).bytes(PHONES, Some(two)),
            ),
            (
                "another table",
                RowFacts::new(101, [2; 16], [2; 16], 3).bytes(NAMES, Some(one)).bytes(PHONES, Some(two)),
            ),
        ] {
            assert_eq!(macs.check(&other, &mac), Err(OpenError::Tampered), "{name}");
        }
        assert_eq!(
            self::macs([9; 16], &[1]).check(&facts(Some(one), Some(two), 3), &mac),
            Err(OpenError::Tampered)
        );
    }

    #[test]
    fn t26_a_stored_mac_flipped_cut_or_extended_is_refused() {
        let macs = macs(TENANT, &[1]);
        let facts = facts(Some(b"x"), None, 1);
        let good = macs.mac(&facts).unwrap();
        assert_eq!(good.as_bytes().len(), ROW_MAC_BYTES);
        for bit in 0..ROW_MAC_BYTES * 8 {
            let mut bytes = good.as_bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(macs.check(&facts, &RowMac(bytes)).is_err(), "bit {bit}");
        }
        for length in 0..ROW_MAC_BYTES {
            assert!(
                macs.check(&facts, &RowMac(good.as_bytes()[..length].to_vec())).is_err(),
                "{length} bytes"
            );
        }
        assert_eq!(macs.check(&facts, &RowMac([good.as_bytes(), &[0]].concat())), Err(OpenError::Malformed));
    }

    #[test]
    fn older_key_versions_verify_and_are_seen_to_be_old() {
        let (old, both) = (macs(TENANT, &[1]), macs(TENANT, &[2, 1]));
        let facts = facts(Some(b"x"), None, 1);
        let mac = old.mac(&facts).unwrap();
        assert_eq!(both.check(&facts, &mac), Ok(()));
        assert!(old.is_current(&mac) && !both.is_current(&mac));
        let newer = both.mac(&facts).unwrap();
        assert_eq!(old.check(&facts, &newer), Err(OpenError::KeyVersion), "never a guess");
        assert!(both.is_current(&newer));
    }

    #[test]
    fn the_documented_rows_are_what_this_computes() {
        let document = include_str!("../../../docs/crypto.md");
        let json = document.split("```json").nth(1).unwrap().split("```").next().unwrap();
        let vectors: serde_json::Value = serde_json::from_str(json).unwrap();
        let rows = vectors["rows"].as_array().unwrap();
        assert!(!rows.is_empty());
        for row in rows {
            let id = |name: &str| hex(&row[name]).try_into().unwrap();
            let key = (number(&row["kver"]), hmac::Key::new(hmac::HMAC_SHA256, &hex(&row["key"])));
            let cell = Cell::of("ap-south-1".parse().unwrap()).unwrap();
            assert_eq!(number(&row["cell"]), u32::from(cell.number()));
            let macs = RowMacs::new(RowKeys { cell, tenant: TenantId::from(id("tenant")), keys: vec![key] });
            let columns: Vec<(u32, Option<Vec<u8>>)> = row["columns"]
                .as_array()
                .unwrap()
                .iter()
                .map(|pair| (number(&pair[0]), pair[1].as_str().map(|_| hex(&pair[1]))))
                .collect();
            let mut facts = RowFacts::new(
                number(&row["table"]),
                id("row"),
                id("subject"),
                row["version"].as_i64().unwrap(),
            );
            for (column, bytes) in &columns {
                facts = facts.bytes(Column::new(1, *column), bytes.as_deref());
            }
            let stored = data_encoding::HEXLOWER.encode(macs.mac(&facts).unwrap().as_bytes());
            assert_eq!(row["stored"].as_str().unwrap(), stored, "{}", row["name"]);
        }
        let tags = &vectors["tag_digests"][0];
        let list = tags["tags"]
            .as_array()
            .unwrap()
            .iter()
            .map(|pair| (number(&pair[0]), hex(&pair[1]).try_into().unwrap()));
        assert_eq!(hex(&tags["digest"]), tags_digest(list));
    }

    fn hex(value: &serde_json::Value) -> Vec<u8> {
        data_encoding::HEXLOWER.decode(value.as_str().unwrap().as_bytes()).unwrap()
    }

    fn number(value: &serde_json::Value) -> u32 {
        value.as_u64().unwrap().try_into().unwrap()
    }
}
