//! The signed directory refuses whatever the control plane did not say, and keeps what it knew.

use crate::control::{Control, region, tenant};
use regions::directory::{
    Applied, DirectoryHandle, Entry, Head, Log, Lookup, OpenError, RefusedError, RuleError, Signer,
    TenantRecord, TenantState, Verifier, store,
};
use regions::ids::Epoch;
use regions::region::Jurisdiction;
use regions::residency::{HelloVerdict, TransitMode};

fn verifier(signer: &Signer) -> Verifier {
    Verifier::new([signer.public_key()]).unwrap()
}

fn control_with(tenants: u32) -> Control {
    let control = Control::new();
    control.append_tenants(1..=tenants);
    control
}

fn loaded(control: &Control) -> (DirectoryHandle, Verifier) {
    let (directory, verifier) = (DirectoryHandle::new(), verifier(&control.signer));
    assert_eq!(directory.apply_snapshot(&control.snapshot(), &verifier), Ok(Applied::Advanced));
    (directory, verifier)
}

#[test]
fn a_snapshot_and_deltas_lead_to_the_same_state() {
    let control = control_with(40);
    let (directory, verifier) = loaded(&control);
    for number in 41..=60 {
        control.append(Entry::Tenant(tenant(number)));
        let after = directory.head().unwrap().version;
        assert_eq!(directory.apply_delta(&control.delta_after(after), &verifier), Ok(Applied::Advanced));
    }
    let (fresh, _) = loaded(&control);
    assert_eq!(directory.head(), fresh.head());
    for number in 0..=61 {
        let record = tenant(number);
        assert_eq!(directory.lookup(record.slug.as_str()), fresh.lookup_slug(&record.slug));
        assert_eq!(directory.tenant(record.id), ((1..=60).contains(&number)).then_some(record));
    }
    assert_eq!(directory.lookup("Not A Slug"), Lookup::Unknown);
    assert_eq!(DirectoryHandle::new().lookup("clinic-1"), Lookup::NotReady);
}

/// Flips, cuts, extensions and splices of a snapshot and of a delta, more than ten thousand, each refused.
#[test]
fn every_mutation_is_refused_and_the_last_good_state_stays() {
    let control = control_with(40);
    let (directory, verifier) = loaded(&control);
    let good_head = directory.head();
    control.append_tenants(41..=60);
    let (snapshot, delta) = (control.snapshot(), control.delta_after(42));
    let splice = |head: &[u8], tail: &[u8], at: usize| [&head[..at], &tail[at..]].concat();
    let mut tried = 0;
    let mut refuse = |snapshot: &[u8], delta: &[u8]| {
        let fresh = DirectoryHandle::new();
        fresh.apply_snapshot(snapshot, &verifier).unwrap_err();
        assert_eq!(fresh.lookup("clinic-1"), Lookup::NotReady);
        directory.apply_snapshot(snapshot, &verifier).unwrap_err();
        directory.apply_delta(delta, &verifier).unwrap_err();
        assert_eq!(directory.head(), good_head);
        tried += 2;
    };
    let flipped = |bytes: &[u8], bit: usize| {
        let mut bytes = bytes.to_vec();
        let at = (bit / 8) % bytes.len();
        bytes[at] ^= 1 << (bit % 8);
        bytes
    };
    // Every bit of header and signature, and of the content spread evenly.
    for bit in 0..300 * 8 {
        refuse(&flipped(&snapshot, bit), &flipped(&delta, bit));
    }
    for step in 0..1_600 {
        refuse(
            &flipped(&snapshot, step * 8 * snapshot.len() / 1_600),
            &flipped(&delta, step * 8 * delta.len() / 1_600),
        );
    }
    for cut in 0..1_200 {
        refuse(&snapshot[..cut * snapshot.len() / 1_200], &delta[..cut * delta.len() / 1_200]);
    }
    for extra in 0..=255_u8 {
        refuse(&[&snapshot[..], &[extra]].concat(), &[&delta[..], &[extra]].concat());
    }
    let (older_snapshot, older_delta) = (control_with(40).snapshot(), control.delta_after(43));
    for at in 1..200 {
        refuse(&splice(&snapshot, &older_snapshot, at), &splice(&delta, &older_delta, at));
    }
    // A message of the one kind is none of the other.
    refuse(&delta, &snapshot);
    assert!(tried >= 10_000, "{tried}");
    // The messages themselves are good: the refusals above are not for another reason.
    assert_eq!(directory.apply_delta(&delta, &verifier), Ok(Applied::Advanced));
    assert_eq!(directory.apply_snapshot(&snapshot, &verifier), Ok(Applied::Unchanged));
}

#[test]
fn another_signer_is_refused_under_its_own_name_and_under_ours() {
    let control = control_with(3);
    let (directory, verifier) = loaded(&control);
    for kid in ["dir-1", "dir-2"] {
        let (forger, _) = Signer::generate(kid.parse().unwrap()).unwrap();
        let forged = Control::with_signer(forger);
        forged.append_tenants(1..=9);
        let refused = RefusedError::Open(OpenError::Signature);
        assert_eq!(directory.apply_snapshot(&forged.snapshot(), &verifier), Err(refused));
        assert_eq!(directory.apply_delta(&forged.delta_after(5), &verifier), Err(refused));
    }
    // With both keys listed, as during a rotation, the second signer is believed.
    let (next, pem) = Signer::generate("dir-2".parse().unwrap()).unwrap();
    let both = Verifier::new([control.signer.public_key(), next.public_key()]).unwrap();
    let reread = Signer::from_pkcs8("dir-2".parse().unwrap(), pem.as_bytes()).unwrap();
    assert_eq!(reread.public_key(), next.public_key());
    let delta = reread.delta(control.head(), &[Entry::Tenant(tenant(4))], 1);
    assert_eq!(directory.apply_delta(&delta, &both), Ok(Applied::Advanced));
}

#[test]
fn older_gapped_and_forked_messages_are_refused() {
    let control = control_with(10);
    let old = control.snapshot();
    control.append(Entry::Tenant(tenant(11)));
    let (directory, verifier) = loaded(&control);
    assert_eq!(directory.apply_snapshot(&old, &verifier), Err(RefusedError::Older));
    assert_eq!(directory.apply_delta(&control.delta_after(5), &verifier), Ok(Applied::Unchanged));

    let version = control.head().version;
    control.append(Entry::Tenant(tenant(12)));
    assert_eq!(directory.apply_delta(&control.delta_after(version - 1), &verifier), Err(RefusedError::Older));
    control.append(Entry::Tenant(tenant(13)));
    assert_eq!(directory.apply_delta(&control.delta_after(version + 1), &verifier), Err(RefusedError::Gap));

    // The same key signed another history of the same length.
    let (head, _) = Log::append(Head::EMPTY, &Entry::Tenant(tenant(99)));
    let forked = Head { version, ..head };
    let entries = vec![Entry::Region(region("us-east-1", "us", Jurisdiction::Us))];
    assert_eq!(
        directory.apply_snapshot(&control.signer.snapshot(forked, entries, 1), &verifier),
        Err(RefusedError::Forked)
    );
    let delta = control.signer.delta(forked, &[Entry::Tenant(tenant(98))], 1);
    assert_eq!(directory.apply_delta(&delta, &verifier), Err(RefusedError::Forked));
    assert_eq!(DirectoryHandle::new().apply_delta(&delta, &verifier), Err(RefusedError::Gap));
}

/// Even what the right key signed may not break a rule: the key may be stolen, or the control plane wrong.
#[test]
fn a_signed_message_that_breaks_a_rule_changes_nothing() {
    let control = control_with(10);
    let (directory, verifier) = loaded(&control);
    let moved = TenantRecord { region: tenant(2).region, epoch: Epoch(9), ..tenant(1) };
    let abroad = TenantRecord { region: "eu-west-1".parse().unwrap(), ..tenant(50) };
    let renamed = TenantRecord { slug: "renamed".parse().unwrap(), ..tenant(1) };
    let mut recoded = region("us-east-1", "usa", Jurisdiction::Us);
    recoded.peer_front_door = "h:1".into();
    for (bad, rule) in [
        (Entry::Tenant(moved), RuleError::RegionChanged),
        (Entry::Tenant(abroad), RuleError::UnknownRegion),
        (Entry::Tenant(renamed), RuleError::SlugChanged),
        (Entry::Tenant(TenantRecord { slug: tenant(1).slug, ..tenant(51) }), RuleError::SlugTaken),
        (Entry::Region(recoded), RuleError::RegionIdentity),
        (Entry::Region(region("us-west-2", "us", Jurisdiction::Us)), RuleError::RegionIdentity),
    ] {
        // A good entry before the bad one must not be applied either.
        let delta = control.signer.delta(control.head(), &[Entry::Tenant(tenant(60)), bad], 1);
        assert_eq!(directory.apply_delta(&delta, &verifier), Err(RefusedError::Rule(rule)));
        assert_eq!(directory.lookup("clinic-60"), Lookup::Unknown);
        assert_eq!(directory.head(), Some(control.head()));
    }
    // A newer snapshot without a tenant that was there, or with it in another region.
    let later = Head { version: 1_000, chain: [7; 32] };
    let regions = || {
        [("us-east-1", "us", Jurisdiction::Us), ("ap-south-1", "in", Jurisdiction::In)]
            .map(|(name, code, law)| Entry::Region(region(name, code, law)))
    };
    let all = |first: TenantRecord| {
        regions().into_iter().chain((2..=10).map(tenant).chain([first]).map(Entry::Tenant)).collect()
    };
    let missing: Vec<_> = regions().into_iter().chain((2..=10).map(|n| Entry::Tenant(tenant(n)))).collect();
    for (entries, rule) in [(missing, RuleError::Vanished), (all(moved), RuleError::RegionChanged)] {
        let snapshot = control.signer.snapshot(later, entries, 1);
        assert_eq!(directory.apply_snapshot(&snapshot, &verifier), Err(RefusedError::Rule(rule)));
    }
    assert_eq!(
        directory.apply_snapshot(&control.signer.snapshot(later, all(tenant(1)), 1), &verifier),
        Ok(Applied::Advanced)
    );
}

#[test]
fn a_suspended_and_an_offboarded_tenant_are_known_as_such() {
    let control = control_with(2);
    let (directory, verifier) = loaded(&control);
    for state in [TenantState::Suspended, TenantState::Active, TenantState::Offboarded] {
        control.append(Entry::Tenant(TenantRecord { state, ..tenant(1) }));
        directory.apply_delta(&control.delta_after(control.head().version - 1), &verifier).unwrap();
        assert!(matches!(directory.lookup("clinic-1"), Lookup::Found(route) if route.state == state));
    }
    let delta = control.signer.delta(control.head(), &[Entry::Tenant(tenant(1))], 1);
    assert_eq!(directory.apply_delta(&delta, &verifier), Err(RefusedError::Rule(RuleError::Offboarded)));
}

#[test]
fn a_region_may_close_itself_to_transit() {
    let control = control_with(2);
    let (directory, verifier) = loaded(&control);
    let (us, india) = ("us-east-1".parse().unwrap(), "ap-south-1".parse().unwrap());
    let mut closed = region("ap-south-1", "in", Jurisdiction::In);
    assert_eq!(directory.matrix().mode(us, india), TransitMode::Passthrough);
    closed.transit = TransitMode::Refuse;
    control.append(Entry::Region(closed));
    directory.apply_delta(&control.delta_after(4), &verifier).unwrap();
    assert_eq!(directory.matrix().mode(us, india), TransitMode::Refuse);
    assert_eq!(directory.matrix().mode(india, us), TransitMode::Passthrough);
    assert_eq!(directory.matrix().hello(us, None), HelloVerdict::RefuseTls("sni_missing"));
}

/// A crash at any byte of writing a snapshot or a delta leaves a copy that loads: the old one or the new one.
#[test]
fn the_copy_on_disk_survives_a_write_torn_anywhere() {
    let control = control_with(5);
    let verifier = verifier(&control.signer);
    let first = control.snapshot();
    let version = control.head().version;
    control.append(Entry::Tenant(tenant(6)));
    let (delta, second) = (control.delta_after(version), control.snapshot());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("directory.bin");
    let (new, deltas) = (folder.path().join("directory.bin.new"), folder.path().join("directory.bin.deltas"));
    let version_on_disk = || {
        let (directory, stored) = (DirectoryHandle::new(), store::load(&path).unwrap().unwrap());
        directory.apply_snapshot(&stored.snapshot, &verifier).unwrap();
        for delta in &stored.deltas {
            let outcome = directory.apply_delta(delta, &verifier);
            assert!(matches!(outcome, Ok(_) | Err(RefusedError::Older)), "{outcome:?}");
        }
        directory.head().unwrap().version
    };
    store::save(&path, &first).unwrap();
    for cut in 0..second.len() {
        std::fs::write(&new, &second[..cut]).unwrap();
        assert_eq!(version_on_disk(), version);
    }
    store::append(&path, &delta).unwrap();
    let whole = std::fs::read(&deltas).unwrap();
    assert_eq!(version_on_disk(), version + 1);
    for cut in 0..whole.len() {
        std::fs::write(&deltas, &whole[..cut]).unwrap();
        assert_eq!(version_on_disk(), version);
    }
    // Renamed, but the deltas from before it are still there.
    std::fs::write(&deltas, &whole).unwrap();
    std::fs::write(&path, &second).unwrap();
    assert_eq!(version_on_disk(), version + 1);
}
