//! How long a refused sign-in takes says nothing about who has an account.

use std::time::Instant;

use super::isolation::signed_rank;
use super::sessions::{PASSWORD, accept, invited, sign_in};
use crate::support::World;

/// Trials of each kind, and how many a soak makes.
const TRIALS: usize = 80;
const TRIALS_SOAK: usize = 1_000;
/// Trials before those that count.
const WARM: usize = 5;
/// How far the two kinds may be apart, as a share of the smaller: in a soak, and while other tests run.
const APART_MAX_SOAK: f64 = 0.05;
const APART_MAX: f64 = 0.1;
/// Standard deviations that chance passes once in about two million runs.
const DEVIATIONS_MAX: f64 = 5.0;
/// The difference that must be seen, as a factor.
const SEEN: f64 = 1.5;

#[expect(clippy::disallowed_methods, reason = "the test runner asks for a soak in the environment")]
fn how_many() -> usize {
    match std::env::var_os("DOMICILE_SOAK").is_some_and(|value| !value.is_empty()) {
        true => TRIALS_SOAK,
        false => TRIALS,
    }
}

fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// Known and unknown addresses in turns, each with a password that is wrong, each as if it were the first failure: what the
/// account's own delay does is the owner's to see and nobody else's.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::print_stdout, reason = "a soak shows what it measured")]
async fn an_unknown_address_takes_as_long_as_a_known_one() {
    let world = World::new().await;
    let known = "asha.rao@example.com";
    let token = invited(&world, &world.alpha, known).await;
    accept(&world, &world.alpha, &token, PASSWORD).await.expect(204);
    let superuser = world.region.superuser().await;
    let schema = tenancy::SchemaName::ops(world.alpha.tenant.id).quoted();
    let forget = format!("UPDATE {schema}.account SET failed_count = 0, locked_until = NULL");
    let trials = how_many();
    let mut times: [Vec<f64>; 3] = Default::default();
    for round in 0..trials + WARM {
        // Each kind takes each place in a round equally often, so that whatever else the machine does meets all alike.
        for place in 0..times.len() {
            let arm = (place + round) % times.len();
            superuser.batch_execute(&forget).await.unwrap();
            let unknown = format!("nobody.{round}.{arm}@example.com");
            let started = Instant::now();
            let email = if arm == 0 { known } else { &unknown };
            let answer = sign_in(&world, &world.alpha, email, "wrong horse battery").await;
            let seconds = started.elapsed().as_secs_f64();
            assert_eq!(answer.outcome(), (401, "sign_in_failed".into()));
            if round >= WARM {
                times[arm].push(seconds);
            }
        }
    }
    let [known, unknown, another_unknown] = times;
    let (left, right) = (median(&known), median(&unknown));
    let apart_max = if trials == TRIALS_SOAK { APART_MAX_SOAK } else { APART_MAX };
    println!("{trials} trials: medians {left:.6} s for a known address and {right:.6} s for an unknown one");
    // Neither is slower than the other by more than that: with the other's times made longer by as much it is the quicker one,
    // or the test cannot tell.
    let slower = |one: &[f64], other: &[f64]| {
        let longer: Vec<f64> = other.iter().map(|seconds| seconds * (1.0 + apart_max)).collect();
        signed_rank(one, &longer)
    };
    for (name, deviations) in [
        ("a known address is slower", slower(&known, &unknown)),
        ("an unknown address is slower", slower(&unknown, &known)),
        ("of two that nobody has one is slower", slower(&another_unknown, &unknown)),
    ] {
        assert!(deviations < DEVIATIONS_MAX, "{name}: {deviations} deviations");
    }
    let longer: Vec<f64> = another_unknown.iter().map(|seconds| seconds * SEEN).collect();
    let seen = slower(&longer, &unknown);
    assert!(
        seen > DEVIATIONS_MAX,
        "{seen} deviations for an answer {SEEN} times as slow: this test sees nothing"
    );
}
