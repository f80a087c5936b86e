//! One line of JSON for each result, and the statistics behind it.

use std::time::Duration;

/// A measured thing beside what it is compared with.
pub(crate) struct Line<'a> {
    /// What was measured.
    pub(crate) name: &'a str,
    /// What it came to.
    pub(crate) figure: String,
    /// What it is compared with, and what that came to.
    pub(crate) against: String,
    /// The figure in terms of what it is compared with.
    pub(crate) ratio: Option<f64>,
    /// The target, in words.
    pub(crate) reach: &'a str,
    /// Whether the target is met; `None` for information.
    pub(crate) met: Option<bool>,
}

impl Line<'_> {
    pub(crate) fn print(&self) {
        let ratio = self.ratio.map(|ratio| format!("{ratio:.2}"));
        let line = serde_json::json!({ "name": self.name, "figure": self.figure, "against": self.against,
            "ratio": ratio, "reach": self.reach, "met": self.met });
        println!("{line}");
    }
}

/// The value below which `percent` of a hundred of the samples lie.
pub(crate) fn percentile(samples: &mut [Duration], percent: usize) -> Duration {
    samples.sort_unstable();
    let at = (samples.len() * percent).div_ceil(100).saturating_sub(1);
    samples.get(at).copied().unwrap_or_default()
}

pub(crate) fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1_000.0)
}
