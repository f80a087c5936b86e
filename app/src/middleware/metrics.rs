//! Metrics of the HTTP layer. Labels are constants of this source code.

use std::sync::LazyLock;

use prometheus::HistogramVec;
use regions::metrics;

/// How long requests took, by route pattern, method and class of status.
pub(super) static REQUESTS: LazyLock<HistogramVec> = LazyLock::new(|| {
    metrics::histogram_vec(
        "domicile_http_seconds",
        "Time to answer a request",
        &["route", "method", "status"],
    )
});
