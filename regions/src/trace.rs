//! Traces: spans of requests with route patterns and nothing that names anybody, for the collector of the process's own region.
//!
//! A front door begins a trace and a backend goes on with it (W3C Trace Context). What a client sends as its trace is removed: it
//! would be text of a stranger's in a place where nobody looks for it. A span has no field for an id or for text from outside.

mod export;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use data_encoding::HEXLOWER;
use http::HeaderValue;
use prometheus::IntCounter;
use serde::{Deserialize, Serialize, Serializer};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use self::export::Collector;
use crate::clock::Clock;
use crate::metrics;
use crate::random;
use crate::region::RegionName;
use crate::shutdown::Shutdown;
use crate::tls::TlsError;

/// Spans that wait for the collector; more are dropped and counted.
const QUEUE_SPANS_MAX: usize = 4_096;
const PER_MILLE: u16 = 1_000;
/// Version 0, trace, span, and the one flag that is known: sampled.
const TRACEPARENT_BYTES: usize = 55;

/// Spans that did not reach the collector.
static LOST: LazyLock<IntCounter> = LazyLock::new(|| {
    metrics::counter("domicile_trace_spans_lost_total", "Spans that did not reach the region's collector.")
});

/// What a configuration file says about traces. Without it there are none.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetryConfig {
    /// The collector of this region: `https://` with a host and a port, or `http://` with a loopback address and a port.
    pub otlp_endpoint: String,
    /// The authority of its certificate, for `https://`.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// Of a thousand requests so many are traced; front doors decide it, backends follow.
    #[serde(default = "sampled_per_mille")]
    pub sampled_per_mille: u16,
}

fn sampled_per_mille() -> u16 {
    100
}

/// Why traces cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The collector's address.
    #[error(
        "otlp_endpoint: write https:// with a host and a port, or http:// with a loopback address and a port"
    )]
    Endpoint,
    /// The collector's authority.
    #[error("ca: an https:// collector needs the file of its authority")]
    Authority,
    /// The authority's file.
    #[error("ca: {0}")]
    Tls(#[from] TlsError),
    /// The share of requests.
    #[error("sampled_per_mille: 0 to 1000")]
    Sampled,
}

/// Makes spans; without a collector it makes none, and costs nothing. Clones share one queue.
#[derive(Clone, Default)]
pub struct Tracer(Option<Arc<Queue>>);

struct Queue {
    spans: mpsc::Sender<Span>,
    sampled_per_mille: u16,
}

/// The name of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId([u8; 16]);

/// A place in a trace: what crosses from one process to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    trace: TraceId,
    span: [u8; 8],
}

/// A span that has begun; [`Open::finish`] sends it.
pub struct Open {
    queue: Arc<Queue>,
    context: Context,
    parent: Option<[u8; 8]>,
    started: Instant,
    started_unix_ms: u64,
}

/// What a span says about a request. All of it is known at compile time but the number.
#[derive(Clone, Copy, Debug)]
pub struct Said {
    /// HTTP method, from the known ones.
    pub method: &'static str,
    /// The pattern of the route, never the path that matched it; a front door knows none.
    pub route: Option<&'static str>,
    /// HTTP status.
    pub status: u16,
}

/// A finished span.
struct Span {
    context: Context,
    parent: Option<[u8; 8]>,
    started_unix_ns: u64,
    ended_unix_ns: u64,
    said: Said,
}

impl Tracer {
    /// Makes no spans.
    #[must_use]
    pub fn off() -> Self {
        Self(None)
    }

    /// Sends spans as the configuration says. The task ends soon after `shutdown`, when it has sent what waits.
    ///
    /// # Errors
    /// See [`TelemetryError`].
    pub fn start(
        role: &'static str,
        region: RegionName,
        config: Option<&TelemetryConfig>,
        shutdown: Shutdown,
    ) -> Result<(Self, JoinHandle<()>), TelemetryError> {
        let Some(config) = config else { return Ok((Self::off(), tokio::spawn(async {}))) };
        if config.sampled_per_mille > PER_MILLE {
            return Err(TelemetryError::Sampled);
        }
        let collector = Collector::new(config, role, region)?;
        LazyLock::force(&LOST);
        let (spans, waiting) = mpsc::channel(QUEUE_SPANS_MAX);
        let queue = Queue { spans, sampled_per_mille: config.sampled_per_mille };
        Ok((Self(Some(Arc::new(queue))), tokio::spawn(export::run(waiting, collector, shutdown))))
    }

    /// The first span of a new trace, where this request is one of those that are traced.
    #[must_use]
    pub fn root(&self, clock: &Clock) -> Option<Open> {
        let queue = self.0.as_ref()?;
        let trace = random::id();
        let [.., high, low] = trace;
        let chosen = u16::from_be_bytes([high, low]) % PER_MILLE < queue.sampled_per_mille;
        chosen.then(|| Open::new(queue, TraceId(trace), None, clock))
    }

    /// The next span of the trace that a front door has begun, where it has.
    #[must_use]
    pub fn child(&self, traceparent: Option<&[u8]>, clock: &Clock) -> Option<Open> {
        let queue = self.0.as_ref()?;
        let before = Context::parse(traceparent?)?;
        Some(Open::new(queue, before.trace, Some(before.span), clock))
    }
}

impl Open {
    fn new(queue: &Arc<Queue>, trace: TraceId, parent: Option<[u8; 8]>, clock: &Clock) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = random::id();
        Self {
            queue: queue.clone(),
            context: Context { trace, span: [a, b, c, d, e, f, g, h] },
            parent,
            started: Instant::now(),
            started_unix_ms: clock.now_unix_ms(),
        }
    }

    /// What the next process is told.
    #[must_use]
    pub fn context(&self) -> Context {
        self.context
    }

    /// The trace's name, for the request's log line.
    #[must_use]
    pub fn trace(&self) -> TraceId {
        self.context.trace
    }

    /// Ends the span. It is lost, and counted, when too many wait for the collector.
    pub fn finish(&self, said: Said) {
        let took_ns = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let started_unix_ns = self.started_unix_ms.saturating_mul(1_000_000);
        let span = Span {
            context: self.context,
            parent: self.parent,
            started_unix_ns,
            ended_unix_ns: started_unix_ns.saturating_add(took_ns),
            said,
        };
        if self.queue.spans.try_send(span).is_err() {
            LOST.inc();
        }
    }
}

impl Context {
    /// Reads a `traceparent` whose trace is sampled; any other is none (W3C Trace Context, 3.2).
    fn parse(value: &[u8]) -> Option<Self> {
        if value.len() != TRACEPARENT_BYTES {
            return None;
        }
        let text = std::str::from_utf8(value).ok()?;
        let mut parts = text.split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if version != "00" || flags != "01" || parts.next().is_some() {
            return None;
        }
        let trace: [u8; 16] = HEXLOWER.decode(trace.as_bytes()).ok()?.try_into().ok()?;
        let span: [u8; 8] = HEXLOWER.decode(span.as_bytes()).ok()?.try_into().ok()?;
        (trace != [0; 16] && span != [0; 8]).then_some(Self { trace: TraceId(trace), span })
    }

    /// The value of the `traceparent` header.
    #[must_use]
    pub fn header(&self) -> Option<HeaderValue> {
        let text = format!("00-{}-{}-01", self.trace, HEXLOWER.encode(&self.span));
        HeaderValue::try_from(text).ok()
    }
}

impl From<[u8; 16]> for TraceId {
    fn from(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl Serialize for TraceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A method's name for spans, metrics and the log; a client may invent others. As text, because the programs' two HTTP libraries
/// each have a type of their own for it.
#[must_use]
pub fn method_name(method: &str) -> &'static str {
    match method {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "_OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLED: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_traceparent_reads_as_it_was_written_and_no_other_form_does() {
        let context = Context::parse(SAMPLED.as_bytes()).unwrap();
        assert_eq!(context.header().unwrap(), SAMPLED);
        assert_eq!(context.trace.to_string(), "0af7651916cd43dd8448eb211c80319c");
        for other in [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920-3331-01",
        ] {
            assert_eq!(Context::parse(other.as_bytes()), None, "{other}");
        }
    }

    fn tracer(sampled_per_mille: u16, spans_max: usize) -> (Tracer, mpsc::Receiver<Span>) {
        let (spans, waiting) = mpsc::channel(spans_max);
        (Tracer(Some(Arc::new(Queue { spans, sampled_per_mille }))), waiting)
    }

    #[test]
    fn none_all_or_a_share_of_requests_is_traced_and_only_with_a_collector() {
        let clock = Clock::system();
        assert!(Tracer::off().root(&clock).is_none());
        assert!(Tracer::off().child(Some(SAMPLED.as_bytes()), &clock).is_none());
        let of_a_thousand = |share| (0..1_000).filter(|_| tracer(share, 1).0.root(&clock).is_some()).count();
        assert_eq!((of_a_thousand(0), of_a_thousand(1_000)), (0, 1_000));
        // Ten standard deviations around the mean.
        assert!((340..=660).contains(&of_a_thousand(500)));
    }

    #[test]
    fn a_child_keeps_the_trace_and_names_its_parent_and_spans_beyond_the_queue_are_counted() {
        let (tracer, mut waiting) = tracer(0, 1);
        let clock = Clock::system();
        let said = Said { method: "GET", route: Some("/x"), status: 200 };
        assert!(tracer.child(None, &clock).is_none());
        let child = tracer.child(Some(SAMPLED.as_bytes()), &clock).unwrap();
        let before = LOST.get();
        child.finish(said);
        child.finish(said);
        assert_eq!(LOST.get() - before, 1);
        let span = waiting.try_recv().unwrap();
        assert_eq!(span.context.trace.to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(HEXLOWER.encode(&span.parent.unwrap()), "b7ad6b7169203331");
        assert_ne!(span.context.span, span.parent.unwrap());
        assert!(span.ended_unix_ns >= span.started_unix_ns);
    }
}
