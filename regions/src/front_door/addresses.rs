//! What one client address may do: connections at once, and requests per second, in a table that cannot grow without end.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use governor::clock::MonotonicClock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use parking_lot::Mutex;

use super::config::Limits;

type Limiter = RateLimiter<NotKeyed, InMemoryState, MonotonicClock, NoOpMiddleware<std::time::Instant>>;

/// How many forgotten-candidate entries one full table is searched for.
const SWEEP_ENTRIES_MAX: usize = 4_096;

/// The addresses seen lately, shared by all threads; locked once a connection, never for a request.
pub(super) struct Addresses {
    table: Mutex<HashMap<IpAddr, Arc<Address>>>,
    connections: AtomicUsize,
    quota: Option<Quota>,
    connections_max: usize,
    per_address_max: u32,
    addresses_max: usize,
}

struct Address {
    connections: AtomicU32,
    limiter: Option<Limiter>,
}

/// One open connection's place; gives it back when dropped.
pub(super) struct Admission {
    address: Arc<Address>,
    table: Arc<Addresses>,
}

/// Why a connection is not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The process has as many connections as it takes.
    Total,
    /// The address has.
    Address,
}

impl Addresses {
    pub(super) fn new(limits: &Limits) -> Self {
        let quota = NonZeroU32::new(limits.requests_per_s_per_address).map(|rate| {
            let burst = NonZeroU32::new(limits.requests_burst_per_address).unwrap_or(rate);
            Quota::per_second(rate).allow_burst(burst)
        });
        Self {
            table: Mutex::new(HashMap::new()),
            connections: AtomicUsize::new(0),
            quota,
            connections_max: limits.connections_max,
            per_address_max: limits.connections_per_address_max,
            addresses_max: limits.addresses_max.max(limits.connections_max),
        }
    }

    /// Counts a connection from `ip` in, or says why not.
    pub(super) fn admit(self: &Arc<Self>, ip: IpAddr) -> Result<Admission, Refusal> {
        if self.connections.fetch_add(1, Ordering::Relaxed) >= self.connections_max {
            self.connections.fetch_sub(1, Ordering::Relaxed);
            return Err(Refusal::Total);
        }
        let address = self.entry(group(ip));
        if address.connections.fetch_add(1, Ordering::Relaxed) >= self.per_address_max {
            address.connections.fetch_sub(1, Ordering::Relaxed);
            self.connections.fetch_sub(1, Ordering::Relaxed);
            return Err(Refusal::Address);
        }
        Ok(Admission { address, table: self.clone() })
    }

    /// Connections open now.
    #[cfg(test)]
    fn open(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    fn entry(&self, key: IpAddr) -> Arc<Address> {
        let mut table = self.table.lock();
        if let Some(found) = table.get(&key) {
            return found.clone();
        }
        if table.len() >= self.addresses_max {
            make_room(&mut table);
        }
        let limiter = self.quota.map(|quota| RateLimiter::direct_with_clock(quota, MonotonicClock));
        let address = Arc::new(Address { connections: AtomicU32::new(0), limiter });
        // A table of nothing but connected addresses cannot be full, because connections are fewer.
        if table.len() < self.addresses_max {
            table.insert(key, address.clone());
        }
        address
    }
}

/// Forgets addresses without a connection. A flood of addresses can so reset the rate of one that is idle, never of
/// one that is connected.
fn make_room(table: &mut HashMap<IpAddr, Arc<Address>>) {
    let idle: Vec<IpAddr> = table
        .iter()
        .filter(|(_, address)| address.connections.load(Ordering::Relaxed) == 0)
        .take(SWEEP_ENTRIES_MAX)
        .map(|(key, _)| *key)
        .collect();
    for key in idle {
        table.remove(&key);
    }
}

impl Admission {
    /// Whether the address may make one more request now.
    pub(super) fn request(&self) -> bool {
        self.address.limiter.as_ref().is_none_or(|limiter| limiter.check().is_ok())
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.address.connections.fetch_sub(1, Ordering::Relaxed);
        self.table.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One customer of an IPv6 network has at least a /64, so that is what counts as one address.
fn group(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits {
            connections_max: 4,
            connections_per_address_max: 2,
            requests_per_s_per_address: 1,
            requests_burst_per_address: 3,
            addresses_max: 4,
            ..Limits::default()
        }
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn connections_are_counted_by_address_and_in_total() {
        let table = Arc::new(Addresses::new(&limits()));
        let first = table.admit(ip("2001:db8::1")).ok();
        let _second = table.admit(ip("2001:db8::2")).ok();
        assert_eq!(table.admit(ip("2001:db8::3")).err(), Some(Refusal::Address), "one /64");
        let _third = table.admit(ip("192.0.2.1")).ok();
        let _fourth = table.admit(ip("::ffff:192.0.2.1")).ok();
        assert_eq!(table.admit(ip("192.0.2.2")).err(), Some(Refusal::Total));
        drop(first);
        assert!(table.admit(ip("192.0.2.2")).is_ok());
        assert_eq!(table.open(), 3);
    }

    #[test]
    fn the_rate_outlives_the_connection_and_the_table_stays_bounded() {
        let table = Arc::new(Addresses::new(&limits()));
        let admission = table.admit(ip("192.0.2.1")).unwrap();
        assert!((0..3).all(|_| admission.request()));
        assert!(!admission.request());
        drop(admission);
        assert!(!table.admit(ip("192.0.2.1")).unwrap().request(), "reconnecting does not refill");
        for last in 0..=255_u8 {
            drop(table.admit(IpAddr::from([198, 51, 100, last])).unwrap());
            assert!(table.table.lock().len() <= 4);
        }
    }
}
