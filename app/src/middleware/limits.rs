//! How large and how slow a body may be, and reading one within that.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use futures_util::StreamExt as _;
use tokio::time::Instant;
use zeroize::Zeroizing;

/// Limits of one request body.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// Largest JSON body, in bytes.
    pub json_max_bytes: usize,
    /// Longest time for a whole body, in milliseconds.
    pub total_max_ms: u64,
    /// Time before the minimum rate counts, in milliseconds.
    pub grace_ms: u64,
    /// Fewest bytes a second after that.
    pub rate_min_bytes_s: u64,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self { json_max_bytes: 256 * 1024, total_max_ms: 30_000, grace_ms: 5_000, rate_min_bytes_s: 1_024 }
    }
}

/// Why a body was not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Larger than the limit.
    #[error("the body is too large")]
    TooLarge,
    /// Slower than the limit.
    #[error("the body is too slow")]
    TooSlow,
    /// The connection broke or the framing is wrong.
    #[error("the body is broken")]
    Broken,
}

/// Reads a body within the limits. The buffer is wiped when it is dropped.
///
/// # Errors
/// See [`BodyError`].
pub async fn read(payload: &mut Payload, limits: BodyLimits) -> Result<Zeroizing<Vec<u8>>, BodyError> {
    let started = Instant::now();
    let end = started + Duration::from_millis(limits.total_max_ms);
    let mut body = Zeroizing::new(Vec::new());
    loop {
        let deadline = end.min(started + allowed(limits, body.len()));
        let chunk = match tokio::time::timeout_at(deadline, payload.next()).await {
            Err(_elapsed) => return Err(BodyError::TooSlow),
            Ok(None) => return Ok(body),
            Ok(Some(Err(PayloadError::Overflow))) => return Err(BodyError::TooLarge),
            Ok(Some(Err(_))) => return Err(BodyError::Broken),
            Ok(Some(Ok(chunk))) => chunk,
        };
        if body.len().saturating_add(chunk.len()) > limits.json_max_bytes {
            return Err(BodyError::TooLarge);
        }
        append(&mut body, &chunk);
    }
}

/// How long a body may have taken when this much of it has arrived: the grace, and then the minimum rate.
fn allowed(limits: BodyLimits, received_bytes: usize) -> Duration {
    let received = u64::try_from(received_bytes).unwrap_or(u64::MAX);
    let earned_ms = received.saturating_mul(1_000) / limits.rate_min_bytes_s.max(1);
    Duration::from_millis(limits.grace_ms.saturating_add(earned_ms))
}

/// Appends without leaving an unwiped copy behind when the buffer grows.
fn append(body: &mut Zeroizing<Vec<u8>>, chunk: &[u8]) {
    let needed = body.len() + chunk.len();
    if needed > body.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(needed.next_power_of_two().max(4_096)));
        larger.extend_from_slice(body);
        *body = larger;
    }
    body.extend_from_slice(chunk);
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::web::Bytes;
    use futures_util::stream;

    fn payload(chunks: impl futures_util::Stream<Item = Bytes> + 'static) -> Payload {
        Payload::Stream { payload: Box::pin(chunks.map(Ok)) }
    }

    fn limits() -> BodyLimits {
        BodyLimits { json_max_bytes: 100_000, ..BodyLimits::default() }
    }

    /// The production limits, fifty times as fast.
    fn quick() -> BodyLimits {
        BodyLimits { json_max_bytes: 100_000, total_max_ms: 600, grace_ms: 100, rate_min_bytes_s: 50_000 }
    }

    /// `bytes` each 10 ms for ever: with one byte, the attack of catalogue entry T65.
    fn drip(bytes: &'static [u8]) -> impl futures_util::Stream<Item = Bytes> {
        stream::unfold((), move |()| async move {
            tokio::time::sleep(Duration::from_millis(10)).await;
            Some((Bytes::from_static(bytes), ()))
        })
    }

    #[tokio::test]
    async fn a_dripping_body_is_cut_after_the_grace() {
        let started = Instant::now();
        let result = read(&mut payload(drip(b"x")), quick()).await;
        assert_eq!(result.err(), Some(BodyError::TooSlow));
        let took = started.elapsed();
        assert!(took >= Duration::from_millis(100) && took < Duration::from_millis(550), "{took:?}");
    }

    #[tokio::test]
    async fn a_body_above_the_rate_that_never_ends_is_cut_by_the_total() {
        let limits = BodyLimits { json_max_bytes: 1 << 30, ..quick() };
        let started = Instant::now();
        assert_eq!(read(&mut payload(drip(&[0; 4_096])), limits).await.err(), Some(BodyError::TooSlow));
        assert!(started.elapsed() >= Duration::from_millis(600));
    }

    #[tokio::test]
    async fn size_is_counted_over_chunks() {
        let chunk = || Bytes::from(vec![7; 60_000]);
        let one = read(&mut payload(stream::iter([chunk()])), limits()).await.unwrap();
        assert_eq!(one.len(), 60_000);
        let two = read(&mut payload(stream::iter([chunk(), chunk()])), limits()).await;
        assert_eq!(two.err(), Some(BodyError::TooLarge));
    }
}
