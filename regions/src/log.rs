//! JSON log lines in ECS names whose fields come from a closed set, so that patient data cannot get into a
//! log.

use crate::clock::Clock;
use crate::ids::{Epoch, RequestId, ShardId, TenantId};
use crate::metrics;
use crate::region::RegionName;
use crate::trace::TraceId;
use parking_lot::Mutex;
use serde::ser::{SerializeMap, Serializer};
use std::io::Write;
use std::sync::OnceLock;

/// One thing a log line may say. No variant takes text that came from outside the program.
#[derive(Clone, Copy, Debug)]
pub enum Field {
    /// Which clinic.
    Tenant(TenantId),
    /// Which request.
    RequestId(RequestId),
    /// Which trace: random, and in nothing but traces and logs.
    Trace(TraceId),
    /// HTTP status.
    Status(u16),
    /// The pattern of the route, never the path that matched it.
    Route(&'static str),
    /// HTTP method, from the known ones.
    Method(&'static str),
    /// How many.
    Count(u64),
    /// How long, in microseconds.
    DurationUs(u64),
    /// A machine-readable reason.
    Code(&'static str),
    /// The region the line is about; the process's own is on every line.
    Region(RegionName),
    /// Which shard.
    Shard(ShardId),
    /// Which epoch.
    Epoch(Epoch),
    /// A directory or schema version.
    Version(u64),
    /// Name of a background job.
    Job(&'static str),
    /// Number of the attempt, from 1.
    Attempt(u32),
    /// A port.
    Port(u16),
    /// A path known at compile time.
    Path(&'static str),
    /// Name of a step in a sequence.
    Step(&'static str),
    /// A process id.
    Pid(u32),
    /// A number of bytes.
    Bytes(u64),
}

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Info,
    Warn,
    Error,
    Security,
}

/// Where lines go and what each of them starts with.
struct Logger {
    role: &'static str,
    region: Option<RegionName>,
    clock: Clock,
    writer: Mutex<Box<dyn Write + Send>>,
}

static LOGGER: OnceLock<Logger> = OnceLock::new();

/// Sends log lines to `writer` from now on. The first call counts; before it, lines are dropped.
pub fn init(role: &'static str, region: Option<RegionName>, writer: Box<dyn Write + Send>) {
    let logger = Logger { role, region, clock: Clock::system(), writer: Mutex::new(writer) };
    let _first = LOGGER.set(logger).is_ok();
}

/// Something worth knowing happened.
pub fn info(code: &'static str, fields: &[Field]) {
    write(Level::Info, code, fields);
}

/// Something is wrong but was dealt with.
pub fn warn(code: &'static str, fields: &[Field]) {
    write(Level::Warn, code, fields);
}

/// Something failed, and someone should look.
pub fn error(code: &'static str, fields: &[Field]) {
    write(Level::Error, code, fields);
}

/// Someone may be attacking, or an invariant is broken; such lines carry `event.kind: alert`.
pub fn security(code: &'static str, fields: &[Field]) {
    write(Level::Security, code, fields);
}

fn write(level: Level, code: &'static str, fields: &[Field]) {
    if let Some(logger) = LOGGER.get() {
        logger.write(level, code, fields);
    }
}

impl Logger {
    fn write(&self, level: Level, code: &'static str, fields: &[Field]) {
        let mut line = Vec::with_capacity(256);
        let complete = self.line(&mut line, level, code, fields).is_ok();
        line.push(b'\n');
        // One write call a line, so that lines of several processes in one file do not mix.
        if !complete || self.writer.lock().write_all(&line).is_err() {
            metrics::LOG_LOST.inc();
        }
    }

    fn line(
        &self,
        out: &mut Vec<u8>,
        level: Level,
        code: &'static str,
        fields: &[Field],
    ) -> serde_json::Result<()> {
        let mut json = serde_json::Serializer::new(out);
        let mut map = json.serialize_map(None)?;
        map.serialize_entry("@timestamp", &timestamp(self.clock.now_unix_ms()))?;
        map.serialize_entry("log.level", level.as_str())?;
        if level == Level::Security {
            map.serialize_entry("event.kind", "alert")?;
        }
        map.serialize_entry("event.code", code)?;
        map.serialize_entry("service.name", "domicile")?;
        map.serialize_entry("service.node.role", self.role)?;
        if let Some(region) = &self.region {
            map.serialize_entry("cloud.region", region)?;
        }
        fields.iter().try_for_each(|field| field.serialize_into(&mut map))?;
        SerializeMap::end(map)
    }
}

impl Level {
    fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn | Self::Security => "warn",
            Self::Error => "error",
        }
    }
}

impl Field {
    fn serialize_into<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        match self {
            Self::Tenant(id) => map.serialize_entry("organization.id", id),
            Self::RequestId(id) => map.serialize_entry("http.request.id", id),
            Self::Trace(id) => map.serialize_entry("trace.id", id),
            Self::Status(status) => map.serialize_entry("http.response.status_code", status),
            Self::Route(route) => map.serialize_entry("http.route", route),
            Self::Method(method) => map.serialize_entry("http.request.method", method),
            Self::Count(count) => map.serialize_entry("domicile.count", count),
            // ECS counts durations in nanoseconds.
            Self::DurationUs(us) => map.serialize_entry("event.duration", &us.saturating_mul(1000)),
            Self::Code(code) => map.serialize_entry("error.code", code),
            Self::Region(region) => map.serialize_entry("domicile.region", region),
            Self::Shard(shard) => map.serialize_entry("domicile.shard", shard),
            Self::Epoch(epoch) => map.serialize_entry("domicile.epoch", epoch),
            Self::Version(version) => map.serialize_entry("domicile.version", version),
            Self::Job(job) => map.serialize_entry("domicile.job", job),
            Self::Attempt(attempt) => map.serialize_entry("domicile.attempt", attempt),
            Self::Port(port) => map.serialize_entry("server.port", port),
            Self::Path(path) => map.serialize_entry("file.path", path),
            Self::Step(step) => map.serialize_entry("domicile.step", step),
            Self::Pid(pid) => map.serialize_entry("process.pid", pid),
            Self::Bytes(bytes) => map.serialize_entry("domicile.bytes", bytes),
        }
    }
}

fn timestamp(unix_ms: u64) -> String {
    let at =
        i64::try_from(unix_ms).ok().and_then(chrono::DateTime::from_timestamp_millis).unwrap_or_default();
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(level: Level, code: &'static str, fields: &[Field]) -> serde_json::Value {
        let (clock, _hand) = Clock::manual(1_700_000_000_123);
        let region = Some("us-east-1".parse().unwrap());
        let logger = Logger { role: "backend", region, clock, writer: Mutex::new(Box::new(std::io::sink())) };
        let mut line = Vec::new();
        logger.line(&mut line, level, code, fields).unwrap();
        serde_json::from_slice(&line).unwrap()
    }

    #[test]
    fn a_line_is_one_json_object_in_ecs_names() {
        let line = written(Level::Info, "started", &[Field::Port(7410), Field::DurationUs(1_500)]);
        let expected = serde_json::json!({
            "@timestamp": "2023-11-14T22:13:20.123Z", "log.level": "info", "event.code": "started",
            "service.name": "domicile", "service.node.role": "backend", "cloud.region": "us-east-1",
            "server.port": 7410, "event.duration": 1_500_000,
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn security_lines_are_alerts() {
        let line = written(Level::Security, "receipt_missing", &[]);
        assert_eq!((line["event.kind"].as_str(), line["log.level"].as_str()), (Some("alert"), Some("warn")));
    }

    #[test]
    fn no_two_fields_share_a_name() {
        let fields = [
            Field::Tenant([1; 16].into()),
            Field::RequestId([2; 16].into()),
            Field::Trace(TraceId::from([3; 16])),
            Field::Status(200),
            Field::Route("/"),
            Field::Method("GET"),
            Field::Count(1),
            Field::DurationUs(1),
            Field::Code("c"),
            Field::Region("us-east-1".parse().unwrap()),
            Field::Shard(ShardId(1)),
            Field::Epoch(Epoch(1)),
            Field::Version(1),
            Field::Job("j"),
            Field::Attempt(1),
            Field::Port(1),
            Field::Path("p"),
            Field::Step("s"),
            Field::Pid(1),
            Field::Bytes(1),
        ];
        let line = written(Level::Info, "all", &fields);
        assert_eq!(line.as_object().unwrap().len(), 6 + fields.len());
    }
}
