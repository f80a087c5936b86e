//! The table that look-ups read: a million tenants by slug and by id, wait-free for readers while changes
//! come in.

use crate::directory::record::{RuleError, TenantRecord, TenantState};
use crate::ids::{Epoch, ShardId, Slug, TenantId};
use crate::region::{Region, RegionCode, RegionName};
use arc_swap::ArcSwap;
use std::collections::HashMap;
use std::sync::Arc;

mod index;
use index::{Index, Key};

/// Most regions; a row names its region by a byte.
pub const REGIONS_MAX: usize = 255;

/// Where a tenant's requests go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The tenant.
    pub id: TenantId,
    /// Its home region.
    pub region: RegionName,
    /// The home region's code in host names.
    pub code: RegionCode,
    /// Its shard inside the region.
    pub shard: ShardId,
    /// Whether it is served.
    pub state: TenantState,
    /// The epoch of this placement.
    pub epoch: Epoch,
}

/// Tenants by slug and by id. Any number of threads read; changes are applied one [`Batch`] at a time.
#[derive(Debug)]
pub struct RouteTable {
    /// Grows only, so that a row's region number keeps its meaning.
    regions: ArcSwap<Vec<Region>>,
    by_slug: Index<Slug>,
    by_id: Index<TenantId>,
}

/// Changes that were checked against the table and each other, and are applied together.
#[derive(Debug)]
pub struct Batch<'a> {
    table: &'a RouteTable,
    regions: Vec<Region>,
    by_slug: HashMap<Slug, Row>,
    by_id: HashMap<TenantId, Row>,
}

/// A tenant as stored: 68 bytes.
#[derive(Clone, Copy, Debug)]
struct Row {
    epoch: Epoch,
    shard: ShardId,
    region: u8,
    state: TenantState,
    id: TenantId,
    slug: Slug,
}

impl RouteTable {
    /// A table of regions and tenants, each tenant once.
    ///
    /// # Errors
    /// The rule that the records break.
    pub fn build(
        regions: impl IntoIterator<Item = Region>,
        tenants: impl IntoIterator<Item = TenantRecord>,
    ) -> Result<Self, RuleError> {
        let mut known = Vec::new();
        regions.into_iter().try_for_each(|region| add_region(&mut known, region))?;
        let rows =
            tenants.into_iter().map(|tenant| Row::new(&tenant, &known)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            by_slug: Index::build(&rows, first_holder)?,
            by_id: Index::build(&rows, |_, _| Err(RuleError::Repeated))?,
            regions: ArcSwap::from_pointee(known),
        })
    }

    /// The route of the tenant that holds `slug`: of several that ever had it, the one that is not
    /// off-boarded.
    pub fn by_slug(&self, slug: &Slug) -> Option<Route> {
        self.route(self.by_slug.get(slug)?)
    }

    /// The route of a tenant.
    pub fn by_id(&self, id: &TenantId) -> Option<Route> {
        self.route(self.by_id.get(id)?)
    }

    /// A tenant's whole record.
    pub fn tenant(&self, id: &TenantId) -> Option<TenantRecord> {
        self.by_id.get(id)?.record(&self.regions.load())
    }

    /// Every tenant's id, in no particular order.
    pub fn ids(&self) -> impl Iterator<Item = TenantId> + '_ {
        let ids = |rows: Arc<Vec<Row>>| (0..rows.len()).filter_map(move |at| rows.get(at).map(|row| row.id));
        self.by_id.segments().flat_map(ids)
    }

    /// Number of tenants, off-boarded ones included.
    pub fn len(&self) -> usize {
        self.by_id.segments().map(|rows| rows.len()).sum()
    }

    /// Whether there is no tenant.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes on the heap, as allocated.
    pub fn heap_bytes(&self) -> usize {
        self.by_slug.heap_bytes() + self.by_id.heap_bytes()
    }

    /// Starts a batch of changes. There must be one at a time; the directory's writer lock sees to it.
    pub fn batch(&self) -> Batch<'_> {
        let regions = Vec::clone(&self.regions.load());
        Batch { table: self, regions, by_slug: HashMap::new(), by_id: HashMap::new() }
    }

    fn route(&self, row: Row) -> Option<Route> {
        let region = *self.regions.load().get(usize::from(row.region))?;
        let Row { id, shard, state, epoch, .. } = row;
        Some(Route { id, region: region.name, code: region.code, shard, state, epoch })
    }
}

impl Batch<'_> {
    /// Adds a region, if it is not there yet.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn put_region(&mut self, region: Region) -> Result<(), RuleError> {
        add_region(&mut self.regions, region)
    }

    /// Adds or changes a tenant.
    ///
    /// # Errors
    /// The rule that it breaks; nothing of the batch should then be applied.
    pub fn put_tenant(&mut self, tenant: &TenantRecord) -> Result<(), RuleError> {
        let row = Row::new(tenant, &self.regions)?;
        if let Some(earlier) = self.by_id.get(&row.id).copied().or_else(|| self.table.by_id.get(&row.id)) {
            tenant.check_follows(&earlier.record(&self.regions).ok_or(RuleError::UnknownRegion)?)?;
        }
        let holder = self.by_slug.get(&row.slug).copied().or_else(|| self.table.by_slug.get(&row.slug));
        let takes_slug = match holder.filter(|holder| holder.id != row.id) {
            Some(holder) => first_holder(&row, &holder)?.id == row.id,
            None => true,
        };
        self.by_id.insert(row.id, row);
        if takes_slug {
            self.by_slug.insert(row.slug, row);
        }
        Ok(())
    }

    /// Makes the changes visible to readers, each tenant's at once.
    pub fn commit(self) {
        self.table.regions.store(Arc::new(self.regions));
        self.by_id.into_values().for_each(|row| self.table.by_id.put(row));
        self.by_slug.into_values().for_each(|row| self.table.by_slug.put(row));
    }
}

impl Row {
    fn new(tenant: &TenantRecord, regions: &[Region]) -> Result<Self, RuleError> {
        let TenantRecord { id, slug, region, shard, state, epoch } = *tenant;
        let number = regions.iter().position(|known| known.name == region).ok_or(RuleError::UnknownRegion)?;
        let region = u8::try_from(number).ok().ok_or(RuleError::RegionBounds)?;
        Ok(Self { epoch, shard, region, state, id, slug })
    }

    /// The record this row was made from.
    fn record(&self, regions: &[Region]) -> Option<TenantRecord> {
        let Self { epoch, shard, region, state, id, slug } = *self;
        let region = regions.get(usize::from(region))?.name;
        Some(TenantRecord { id, slug, region, shard, state, epoch })
    }
}

impl Key for Slug {
    fn of(row: &Row) -> Self {
        row.slug
    }
}

impl Key for TenantId {
    fn of(row: &Row) -> Self {
        row.id
    }
}

/// Which of two tenants with one slug holds it.
fn first_holder(one: &Row, other: &Row) -> Result<Row, RuleError> {
    match (one.state, other.state) {
        (TenantState::Offboarded, _) => Ok(*other),
        (_, TenantState::Offboarded) => Ok(*one),
        _ => Err(RuleError::SlugTaken),
    }
}

fn add_region(regions: &mut Vec<Region>, region: Region) -> Result<(), RuleError> {
    if regions.contains(&region) {
        return Ok(());
    }
    if regions.iter().any(|known| known.name == region.name || known.code == region.code) {
        return Err(RuleError::RegionIdentity);
    }
    if regions.len() >= REGIONS_MAX {
        return Err(RuleError::RegionBounds);
    }
    regions.push(region);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::region::Jurisdiction;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn region(name: &str, code: &str) -> Region {
        Region { name: name.parse().unwrap(), code: code.parse().unwrap(), jurisdiction: Jurisdiction::In }
    }

    fn regions() -> [Region; 2] {
        [region("us-east-1", "us"), region("ap-south-1", "in")]
    }

    fn tenant(id: u8, slug: &str) -> TenantRecord {
        TenantRecord {
            id: TenantId::from([id; 16]),
            slug: slug.parse().unwrap(),
            region: regions()[usize::from(id) % 2].name,
            shard: ShardId(u16::from(id)),
            state: TenantState::Active,
            epoch: Epoch(1),
        }
    }

    fn holder(table: &RouteTable, slug: &str) -> Option<TenantId> {
        table.by_slug(&slug.parse().unwrap()).map(|route| route.id)
    }

    #[test]
    fn a_reused_slug_leads_to_the_new_tenant_and_inherits_nothing() {
        let table = RouteTable::build(regions(), [tenant(1, "lotus")]).unwrap();
        let mut early = table.batch();
        assert_eq!(early.put_tenant(&tenant(2, "lotus")), Err(RuleError::SlugTaken));
        drop(early);
        let gone = TenantRecord { state: TenantState::Offboarded, ..tenant(1, "lotus") };
        let mut batch = table.batch();
        batch.put_tenant(&gone).unwrap();
        batch.put_tenant(&tenant(2, "lotus")).unwrap();
        assert_eq!(holder(&table, "lotus"), Some(tenant(1, "lotus").id), "nothing shows before the commit");
        batch.commit();
        assert_eq!(holder(&table, "lotus"), Some(tenant(2, "lotus").id));
        assert_eq!(table.tenant(&gone.id), Some(gone), "the old id still answers 410");
        assert_eq!(table.len(), 2);
        // The same records in any order make the same table.
        for records in [[gone, tenant(2, "lotus")], [tenant(2, "lotus"), gone]] {
            let built = RouteTable::build(regions(), records).unwrap();
            assert_eq!(holder(&built, "lotus"), Some(tenant(2, "lotus").id));
        }
    }

    #[test]
    fn records_that_break_a_rule_are_refused() {
        let build = |records: &[TenantRecord]| RouteTable::build(regions(), records.iter().copied()).err();
        assert_eq!(build(&[tenant(1, "lotus"), tenant(2, "lotus")]), Some(RuleError::SlugTaken));
        assert_eq!(build(&[tenant(1, "lotus"), tenant(1, "locus")]), Some(RuleError::Repeated));
        let abroad = TenantRecord { region: "eu-west-1".parse().unwrap(), ..tenant(1, "lotus") };
        assert_eq!(build(&[abroad]), Some(RuleError::UnknownRegion));
        let twice = [region("us-east-1", "us"), region("us-west-2", "us")];
        assert_eq!(RouteTable::build(twice, []).err(), Some(RuleError::RegionIdentity));

        let table = RouteTable::build(regions(), [tenant(1, "lotus")]).unwrap();
        let moved = TenantRecord { region: regions()[0].name, epoch: Epoch(2), ..tenant(1, "lotus") };
        assert_eq!(table.batch().put_tenant(&moved), Err(RuleError::RegionChanged));
        assert_eq!(table.batch().put_region(region("us-east-1", "use")), Err(RuleError::RegionIdentity));
    }

    #[test]
    fn readers_see_old_or_new_and_never_nothing_while_changes_come_in() {
        let table = Arc::new(
            RouteTable::build(regions(), (0..200).map(|id| tenant(id, &format!("clinic-{id}")))).unwrap(),
        );
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for round in 0..20_000_usize {
                        let id = u8::try_from(round % 200).unwrap();
                        let route = table.by_slug(&format!("clinic-{id}").parse().unwrap()).unwrap();
                        assert_eq!(route.id, TenantId::from([id; 16]));
                        assert_eq!(u32::from(route.shard.0), u32::from(id) + route.epoch.0 - 1, "a torn row");
                    }
                });
            }
            for epoch in 2..200_u32 {
                for id in (0..200).step_by(7) {
                    let shard = ShardId(u16::from(id) + u16::try_from(epoch).unwrap() - 1);
                    let mut batch = table.batch();
                    let slug = format!("clinic-{id}");
                    batch
                        .put_tenant(&TenantRecord { epoch: Epoch(epoch), shard, ..tenant(id, &slug) })
                        .unwrap();
                    batch.commit();
                }
            }
        });
    }

    proptest! {
        #[test]
        fn the_table_agrees_with_a_plain_map(ops in prop::collection::vec((0..12_u8, 0..6_u8, 0..3_u8, 1..4_u32), 0..80)) {
            let table = RouteTable::build(regions(), []).unwrap();
            let mut model: BTreeMap<TenantId, TenantRecord> = BTreeMap::new();
            for (id, slug, state, epoch) in ops {
                let state = [TenantState::Active, TenantState::Suspended, TenantState::Offboarded][usize::from(state)];
                let record = TenantRecord { state, epoch: Epoch(epoch), ..tenant(id, &format!("slug-{slug}")) };
                let live = |r: &TenantRecord| r.state != TenantState::Offboarded;
                let taken = live(&record) && model.values().any(|r| r.id != record.id && r.slug == record.slug && live(r));
                let follows = model.get(&record.id).is_none_or(|earlier| record.check_follows(earlier).is_ok());
                let mut batch = table.batch();
                let put = batch.put_tenant(&record);
                prop_assert_eq!(put.is_ok(), follows && !taken, "{:?} {:?}", record, put);
                if put.is_ok() {
                    batch.commit();
                    model.insert(record.id, record);
                }
            }
            let rebuilt = RouteTable::build(regions(), model.values().copied()).unwrap();
            for record in model.values() {
                prop_assert_eq!(table.tenant(&record.id), Some(*record));
                let held = table.by_slug(&record.slug).unwrap();
                let live = model.values().find(|r| r.slug == record.slug && r.state != TenantState::Offboarded);
                match live {
                    Some(live) => {
                        prop_assert_eq!(held.id, live.id);
                        prop_assert_eq!(rebuilt.by_slug(&record.slug).map(|r| r.id), Some(live.id));
                    }
                    None => prop_assert_eq!(held.state, TenantState::Offboarded),
                }
            }
            prop_assert_eq!(table.len(), model.len());
        }
    }
}
