//! One line of JSON for each result, and the statistics behind it.

use std::time::Duration;

use serde_json::json;

/// A measured thing beside what it is compared with.
pub(crate) struct Line {
    /// What was measured.
    pub(crate) name: &'static str,
    /// What it came to.
    pub(crate) figure: String,
    /// What it is compared with, and what that came to.
    pub(crate) against: String,
    /// The figure in terms of what it is compared with.
    pub(crate) ratio: Option<f64>,
    /// The target, in words.
    pub(crate) reach: &'static str,
    /// Whether the target is met; `None` for information.
    pub(crate) met: Option<bool>,
}

impl Line {
    pub(crate) fn print(&self) {
        let ratio = self.ratio.map(|ratio| format!("{ratio:.2}"));
        println!(
            "{}",
            json!({ "name": self.name, "figure": self.figure, "against": self.against, "ratio": ratio,
                "reach": self.reach, "met": self.met })
        );
    }
}

/// The value below which `quantile` of the samples lie.
pub(crate) fn quantile(samples: &mut [Duration], quantile: f64) -> Duration {
    samples.sort_unstable();
    let last = samples.len().saturating_sub(1);
    let last = u32::try_from(last).unwrap_or(u32::MAX);
    // Rounding up keeps a p95 of few samples from being a p90.
    let at = (f64::from(last) * quantile).ceil();
    samples.iter().copied().nth(format!("{at:.0}").parse().unwrap_or(0)).unwrap_or_default()
}

/// The median of ratios or rates.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Milliseconds with two decimals.
pub(crate) fn ms(duration: Duration) -> String {
    format!("{:.2} ms", duration.as_secs_f64() * 1_000.0)
}
