//! The front door's metrics. Labels are constants; nothing a client sent becomes one.

use std::sync::LazyLock;

use prometheus::{IntCounter, IntCounterVec, IntGauge};

use crate::metrics::{counter, counter_vec, gauge};

/// Connections open now, of clients and peers.
pub(super) static CONNECTIONS: LazyLock<IntGauge> =
    LazyLock::new(|| gauge("domicile_front_door_connections", "Connections open now."));

/// Requests answered by a backend with a valid receipt.
pub(super) static SERVED: LazyLock<IntCounter> = LazyLock::new(|| {
    counter("domicile_front_door_served_total", "Requests answered by a backend with a valid receipt.")
});

/// Requests that this front door answered itself, by reason.
pub(super) static REFUSED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counter_vec(
        "domicile_front_door_refused_total",
        "Requests answered by the front door itself, by reason.",
        &["reason"],
    )
});

/// Connections ended before a request, by reason.
pub(super) static TURNED_AWAY: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counter_vec(
        "domicile_front_door_turned_away_total",
        "Connections ended before any request, by reason.",
        &["reason"],
    )
});

/// Streams carried unopened to another region.
pub(super) static PASSED_THROUGH: LazyLock<IntCounter> = LazyLock::new(|| {
    counter("domicile_front_door_passed_through_total", "TLS streams carried unopened to another region.")
});

/// Whether the last attempt to reach a backend succeeded: for people, not part of readiness, because a front door that
/// answers 503 for its region is still the right place to ask.
pub(super) static BACKEND_REACHABLE: LazyLock<IntGauge> = LazyLock::new(|| {
    gauge(
        "domicile_front_door_backend_reachable",
        "1 when the last attempt to reach a backend succeeded, 0 when not.",
    )
});

/// New connections to backends.
pub(super) static BACKEND_CONNECTS: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counter_vec(
        "domicile_front_door_backend_connects_total",
        "New backend connections, by result.",
        &["result"],
    )
});

/// Responses that came without a valid receipt, by reason. Anything but 0 is an incident.
pub(super) static RECEIPTS_BAD: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counter_vec(
        "domicile_front_door_receipts_bad_total",
        "Responses without a valid receipt, by reason.",
        &["reason"],
    )
});

/// Connections closed by one of the clocks, by which.
pub(super) static EXPIRED: LazyLock<IntCounterVec> = LazyLock::new(|| {
    counter_vec(
        "domicile_front_door_expired_total",
        "Connections closed by a deadline, by which.",
        &["deadline"],
    )
});
