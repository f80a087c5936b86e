//! What the one test process has logged.

use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex};

static LOG: LazyLock<Arc<Mutex<Vec<u8>>>> = LazyLock::new(|| {
    let sink = Arc::new(Mutex::new(Vec::new()));
    regions::log::init("backend", None, Box::new(Sink(Arc::clone(&sink))));
    sink
});

struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Begins to keep the log; every world does, so that nothing before a test's own requests is missed.
pub(crate) fn keep_log() {
    LazyLock::force(&LOG);
}

/// Every line so far, of all tests in this process.
pub(crate) fn log_lines() -> Vec<String> {
    String::from_utf8(LOG.lock().unwrap().clone()).unwrap().lines().map(str::to_owned).collect()
}
