//! The process's Prometheus metrics: one registry, names with descriptions, labels from closed sets only.

use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};
use std::sync::LazyLock;

static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::new);

/// Body bytes that were read, to be forwarded, for a request that this region does not serve by its own verdict. It must
/// stay 0; invariant 2 rests on it.
pub static FOREIGN_BODY_BYTES: LazyLock<IntCounter> = LazyLock::new(|| {
    counter(
        "domicile_foreign_body_bytes_total",
        "Body bytes read by the application for a request this region does not serve; must stay 0.",
    )
});

/// Body bytes of refused requests that came out of TLS before the refusal could stop the client, and were dropped unread.
/// Not an error: a client may send a body in one record with its head.
pub static FOREIGN_BODY_BYTES_ARRIVED: LazyLock<IntCounter> = LazyLock::new(|| {
    counter(
        "domicile_foreign_body_bytes_arrived_total",
        "Body bytes of refused requests that arrived with or behind the head and were dropped unread; an upper bound.",
    )
});

/// The directory version this process serves from.
pub static DIRECTORY_VERSION: LazyLock<IntGauge> = LazyLock::new(|| {
    gauge("domicile_directory_version", "Directory version this process serves from; 0 before the first.")
});

/// When the directory's source last answered, as seconds since 1970.
pub static DIRECTORY_CONTACT: LazyLock<IntGauge> = LazyLock::new(|| {
    gauge(
        "domicile_directory_contact_unix_seconds",
        "When the control plane's feed last answered, in Unix seconds.",
    )
});

/// Tenants in the directory, off-boarded ones included.
pub static DIRECTORY_TENANTS: LazyLock<IntGauge> = LazyLock::new(|| {
    gauge("domicile_directory_tenants", "Tenants in the directory, off-boarded ones included.")
});

/// Snapshots and deltas that were refused, by reason.
pub static DIRECTORY_REFUSED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counter_vec(
        "domicile_directory_refused_total",
        "Directory snapshots and deltas refused, by reason.",
        &["reason"],
    )
});

/// Calls to the directory feed that failed, by reason.
pub static FEED_FAILURES: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counter_vec(
        "domicile_feed_failures_total",
        "Calls to the directory feed that failed, by reason.",
        &["reason"],
    )
});

/// Log lines that could not be written.
pub static LOG_LOST: LazyLock<IntCounter> =
    LazyLock::new(|| counter("domicile_log_lost_total", "Log lines that could not be written."));

/// A counter, registered. Call it once for a name, from a `LazyLock` static.
pub fn counter(name: &'static str, help: &'static str) -> IntCounter {
    registered(IntCounter::new(name, help))
}

/// A counter with labels, registered. Label values are constants or region names, never anything a client
/// sent.
pub fn counter_vec(name: &'static str, help: &'static str, labels: &[&'static str]) -> IntCounterVec {
    registered(IntCounterVec::new(Opts::new(name, help), labels))
}

/// A gauge, registered.
pub fn gauge(name: &'static str, help: &'static str) -> IntGauge {
    registered(IntGauge::new(name, help))
}

/// A gauge with labels, registered.
pub fn gauge_vec(name: &'static str, help: &'static str, labels: &[&'static str]) -> IntGaugeVec {
    registered(IntGaugeVec::new(Opts::new(name, help), labels))
}

/// A histogram of seconds, registered, with buckets from 100 µs to 30 s.
pub fn histogram(name: &'static str, help: &'static str) -> Histogram {
    registered(Histogram::with_opts(HistogramOpts::new(name, help).buckets(SECONDS.to_vec())))
}

/// A histogram of seconds with labels, registered, with buckets from 100 µs to 30 s.
pub fn histogram_vec(name: &'static str, help: &'static str, labels: &[&'static str]) -> HistogramVec {
    registered(HistogramVec::new(HistogramOpts::new(name, help).buckets(SECONDS.to_vec()), labels))
}

/// Everything registered so far, in Prometheus' text format.
pub fn render() -> String {
    // These are shown from the start: an absent counter cannot be told from a broken one.
    LazyLock::force(&FOREIGN_BODY_BYTES);
    LazyLock::force(&FOREIGN_BODY_BYTES_ARRIVED);
    LazyLock::force(&DIRECTORY_VERSION);
    LazyLock::force(&LOG_LOST);
    let mut out = Vec::new();
    // Encoding into memory fails only for a family without metrics, which is then left out.
    let _complete = TextEncoder::new().encode(&REGISTRY.gather(), &mut out).is_ok();
    String::from_utf8(out).unwrap_or_default()
}

const SECONDS: [f64; 14] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];

#[expect(
    clippy::expect_used,
    reason = "names and labels are constants; the first render in any test would fail"
)]
fn registered<M: prometheus::core::Collector + Clone + 'static>(metric: prometheus::Result<M>) -> M {
    let metric = metric.expect("a metric's name and labels are valid");
    REGISTRY.register(Box::new(metric.clone())).expect("a metric is registered once");
    metric
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_foreign_body_counter_is_shown_before_anything_happened() {
        let text = render();
        // Another test of this process makes it count on purpose.
        assert!(text.contains("\ndomicile_foreign_body_bytes_total "), "{text}");
        assert!(text.contains("# HELP domicile_foreign_body_bytes_total "), "{text}");
    }

    #[test]
    fn labelled_metrics_render_with_their_values() {
        DIRECTORY_REFUSED.with_label_values(&["signature"]).inc();
        assert!(render().contains("domicile_directory_refused_total{reason=\"signature\"} 1"));
    }
}
