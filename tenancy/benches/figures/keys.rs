//! Sealing and opening a field; rotating a clinic's key under many patients, and what readers notice of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use futures_util::{StreamExt as _, stream};
use regions::ids::TenantId;
use tenancy::keys::{Keeper, Keys, NOTICE_S, Purpose, Rotation, Step, SubjectId};
use tenancy::sealed::{Column, Sealed};
use testkit::TestRegion;

use crate::Size;
use crate::line::{Line, ms, percentile};

const FIELD: Column = Column::new(16, 1);
const ROW: [u8; 16] = [1; 16];
/// A field of a usual length.
const TEXT: &[u8; 40] = b"a field of forty bytes, as an address is";
/// Keys made at once before a rotation.
const MADE_AT_ONCE: usize = 8;
/// Readers beside a rotation.
const READERS: u32 = 4;
/// The worker's pace: a batch, then a pause.
const BATCH_EVERY: Duration = Duration::from_millis(500);
/// Subjects of a batch.
const BATCH: u64 = 50;
/// How long readers are watched with a rotation and without one, in turns, so that a machine that changes its speed changes both.
const WATCHED: Duration = Duration::from_secs(10);

/// Measures and prints.
pub(crate) async fn measure(size: Size) {
    let region = TestRegion::new().await;
    field(&region, size).await;
    rotation(&region, size).await;
}

async fn field(region: &TestRegion, size: Size) {
    let keys = region.regional.keys();
    let sealer = keys.create_subject(region.alpha.id, subject(u32::MAX)).await.unwrap().sealer();
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[7; 32]).unwrap());
    let (mut seals, mut opens, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..size.rounds {
        let begun = Instant::now();
        let mut sealed = Sealed::from_bytes(Vec::new());
        for _ in 0..size.values {
            sealed = sealer.seal(FIELD, ROW, TEXT).unwrap();
        }
        seals.push(begun.elapsed() / size.values);
        let begun = Instant::now();
        for _ in 0..size.values {
            assert_eq!(sealer.open(FIELD, ROW, &sealed).unwrap().len(), TEXT.len());
        }
        opens.push(begun.elapsed() / size.values);
        let begun = Instant::now();
        for number in 0..u128::from(size.values) {
            let mut text = TEXT.to_vec();
            let nonce =
                Nonce::assume_unique_for_key(*number.to_be_bytes().last_chunk::<12>().unwrap_or(&[0; 12]));
            key.seal_in_place_append_tag(nonce, Aad::from([0; 67]), &mut text).unwrap();
        }
        bare.push(begun.elapsed() / size.values);
    }
    let us = |times: &mut [Duration]| percentile(times, 50).as_secs_f64() * 1e6;
    let (seal, open, bare) = (us(&mut seals), us(&mut opens), us(&mut bare));
    Line {
        name: "sealing and opening a field of 40 bytes",
        figure: format!("seal {seal:.2} µs, open {open:.2} µs"),
        against: format!("AES-256-GCM alone, one key for all: {bare:.2} µs"),
        ratio: Some(seal / bare),
        reach: "≤ 5 µs each",
        met: size.real.then_some(seal <= 5.0 && open <= 5.0),
    }
    .print();
}

fn subject(number: u32) -> SubjectId {
    let mut bytes = [7; 16];
    bytes.iter_mut().zip(number.to_be_bytes()).for_each(|(to, from)| *to = from);
    SubjectId::from(bytes)
}

/// Two rotations: one as fast as it goes, one at the worker's pace. Readers of single values go on all the time.
async fn rotation(region: &TestRegion, size: Size) {
    let (keys, tenant) = (Arc::clone(region.regional.keys()), region.alpha.id);
    let begun = Instant::now();
    let made = stream::iter(0..size.subjects).map(|number| keys.create_subject(tenant, subject(number)));
    let made: Vec<_> = made.buffer_unordered(MADE_AT_ONCE).collect().await;
    assert!(made.iter().all(Result::is_ok));
    eprintln!("{} subject keys were made in {:.1} s", made.len(), begun.elapsed().as_secs_f64());
    drop(made);
    let readers = Readers { keys: Arc::clone(&keys), tenant, subjects: size.subjects };
    let watched = if size.real { WATCHED } else { Duration::from_millis(300) };
    let mut before = readers.during(tokio::time::sleep(watched)).await.1;

    let rotated = Rotated::begin(region).await;
    let ((moved, took), mut during) = readers.during(rotated.as_fast_as_it_goes()).await;
    let rate = moved as f64 / took.as_secs_f64();
    line(
        "rotating a clinic's sealing key as fast as it goes",
        format!(
            "{moved} subject keys in {:.1} s, {rate:.0} a second; 1 M at this rate: {:.0} s",
            took.as_secs_f64(),
            1e6 / rate
        ),
        (&mut during, &mut before),
        None,
    );
    rotated.end(region).await;

    let mut rotated = Rotated::begin(region).await;
    let (mut during, mut before) = (Vec::new(), Vec::new());
    for _ in 0..size.rounds {
        before.append(&mut readers.during(tokio::time::sleep(watched)).await.1);
        during.append(&mut readers.during(rotated.at_the_workers_pace(watched)).await.1);
    }
    let a_second = BATCH as f64 / BATCH_EVERY.as_secs_f64();
    line(
        "rotating a clinic's sealing key at the worker's pace",
        format!(
            "{} subject keys in {:.1} s; its pace is {a_second:.0} a second, 1 M in {:.0} min",
            rotated.rotation.done,
            (watched * size.rounds).as_secs_f64(),
            1e6 / a_second / 60.0
        ),
        (&mut during, &mut before),
        Some(size.real),
    );
}

fn line(
    name: &str,
    moved: String,
    (during, before): (&mut [Duration], &mut [Duration]),
    counts: Option<bool>,
) {
    let (p99, quiet) = (percentile(during, 99), percentile(before, 99));
    let ratio = p99.as_secs_f64() / quiet.as_secs_f64();
    Line {
        name,
        figure: format!("{moved}; p99 of reading a value meanwhile {}", ms(p99)),
        against: format!("p99 without a rotation: {}", ms(quiet)),
        ratio: Some(ratio),
        reach: if counts.is_some() { "p99 ≤ 1.10 ×" } else { "information" },
        met: counts.and_then(|real| real.then_some(ratio <= 1.10)),
    }
    .print();
}

/// Those who read single values, each on the way of a request: the key's row, the key, the value.
struct Readers {
    keys: Arc<Keys>,
    tenant: TenantId,
    subjects: u32,
}

impl Readers {
    /// Reads until `work` is done; what that gave, and how long each read took.
    async fn during<T>(&self, work: impl Future<Output = T>) -> (T, Vec<Duration>) {
        let over = Arc::new(AtomicBool::new(false));
        let readers: Vec<_> = (0..READERS)
            .map(|reader| {
                let (keys, over) = (Arc::clone(&self.keys), Arc::clone(&over));
                let (tenant, subjects) = (self.tenant, self.subjects);
                tokio::spawn(async move {
                    let value = keys.subject_sealer(tenant, subject(reader)).await.unwrap();
                    let value = value.seal(FIELD, ROW, TEXT).unwrap();
                    let (mut took, mut number) = (Vec::new(), reader);
                    while !over.load(Ordering::Acquire) {
                        number = (number + 7_919) % subjects;
                        let begun = Instant::now();
                        drop(keys.subject_sealer(tenant, subject(number)).await.unwrap());
                        let sealer = keys.subject_sealer(tenant, subject(reader)).await.unwrap();
                        assert_eq!(sealer.open(FIELD, ROW, &value).unwrap().len(), TEXT.len());
                        took.push(begun.elapsed());
                        // A clinic's requests come one after the other with pauses; a saturated machine has no p99 of its own.
                        tokio::time::sleep(Duration::from_millis(2)).await;
                    }
                    took
                })
            })
            .collect();
        let given = work.await;
        over.store(true, Ordering::Release);
        let mut all = Vec::new();
        for reader in readers {
            all.append(&mut reader.await.unwrap());
        }
        (given, all)
    }
}

/// A rotation whose new key seals, and whose subject keys are to be moved.
struct Rotated {
    keys: Arc<Keys>,
    keeper: Keeper,
    rotation: Rotation,
}

impl Rotated {
    async fn begin(region: &TestRegion) -> Self {
        let keys = Arc::clone(region.regional.keys());
        let keeper = Keeper::new(&region.migrator_config.key_store).unwrap();
        let rotation = keys.rotate(&keeper, region.alpha.id, Purpose::Seal).await.unwrap();
        let_everybody_learn(region).await;
        let Step::Moved(rotation) = keys.rotation_step(&keeper, rotation).await.unwrap() else {
            unreachable!("an announced key that everybody knows is activated")
        };
        Self { keys, keeper, rotation }
    }

    /// One batch; nothing when all are moved.
    async fn batch(&self, rotation: Rotation) -> Option<Rotation> {
        match self.keys.rotation_step(&self.keeper, rotation).await.unwrap() {
            Step::Moved(next) => Some(next),
            Step::Wait(_) | Step::Done(_) | Step::Fill(_) => None,
        }
    }

    async fn as_fast_as_it_goes(&self) -> (u64, Duration) {
        let (begun, mut at) = (Instant::now(), self.rotation.clone());
        while let Some(next) = self.batch(at.clone()).await {
            at = next;
        }
        (at.done, begun.elapsed())
    }

    /// What the worker does in a time, pauses included.
    async fn at_the_workers_pace(&mut self, time: Duration) {
        let (begun, mut every) = (Instant::now(), tokio::time::interval(BATCH_EVERY));
        while begun.elapsed() < time {
            every.tick().await;
            let Some(next) = self.batch(self.rotation.clone()).await else { return };
            self.rotation = next;
        }
    }

    async fn end(self, region: &TestRegion) {
        let mut at = self.rotation;
        loop {
            let_everybody_learn(region).await;
            at = match self.keys.rotation_step(&self.keeper, at).await.unwrap() {
                Step::Done(_) => return,
                Step::Moved(next) | Step::Wait(next) | Step::Fill(next) => next,
            };
        }
    }
}

/// As if every process had had the time to learn of the last change.
async fn let_everybody_learn(region: &TestRegion) {
    let earlier =
        format!("UPDATE keystore.tenant_key SET changed_at = changed_at - interval '{NOTICE_S} seconds'");
    region.key_superuser().await.batch_execute(&earlier).await.unwrap();
}
