//! Rate limits: how much work a clinic, one address at it, and one account may ask for, a route counting by what it costs.
//!
//! The limits protect neighbours, not secrets: what guards passwords is the delay on the account.

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use regions::ids::TenantId;

use crate::error::{AppError, RATE_LIMITED};

/// Requests of a pool after which keys that have recovered are dropped; between two sweeps no more keys can be added.
const SWEEP_EVERY_REQUESTS: u32 = 16_384;

/// How dear a route is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RateClass {
    /// Public descriptions: they are long.
    Open,
    /// Log-ins and invitations.
    SignIn,
    /// Reads of one thing.
    Read,
    /// Changes.
    Write,
    /// Lists and searches.
    Bulk,
}

/// What requests are counted against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pool {
    /// Everything but the next.
    Points,
    /// Requests that cost a password's hash or a mail: whoever works cannot use them up, and they cannot stop the work.
    SignIn,
}

/// Points a minute in one pool, which may also be asked for at once.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// For the whole clinic.
    pub tenant_per_min: u32,
    /// For one address at it, and for one account.
    pub caller_per_min: u32,
}

impl RateClass {
    /// What a request is counted against.
    #[must_use]
    pub const fn pool(self) -> Pool {
        match self {
            RateClass::SignIn => Pool::SignIn,
            RateClass::Open | RateClass::Read | RateClass::Write | RateClass::Bulk => Pool::Points,
        }
    }

    /// What a request costs in its pool, in points: about what it takes of a processor and of the database, a read being one.
    #[must_use]
    pub const fn cost(self) -> NonZeroU32 {
        const WRITE: NonZeroU32 = NonZeroU32::new(10).unwrap();
        const BULK: NonZeroU32 = NonZeroU32::new(20).unwrap();
        match self {
            RateClass::SignIn | RateClass::Read => NonZeroU32::MIN,
            RateClass::Write => WRITE,
            RateClass::Open | RateClass::Bulk => BULK,
        }
    }
}

impl Pool {
    const ALL: [Pool; 2] = [Pool::Points, Pool::SignIn];

    /// The pool's name in `RateLimit` headers.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Pool::Points => "points",
            Pool::SignIn => "sign-in",
        }
    }

    /// The budget of a clinic in production.
    #[must_use]
    pub const fn budget(self) -> Budget {
        match self {
            Pool::Points => Budget { tenant_per_min: 240_000, caller_per_min: 60_000 },
            Pool::SignIn => Budget { tenant_per_min: 600, caller_per_min: 60 },
        }
    }
}

type Limiter<K> = RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock, StateInformationMiddleware>;

struct PoolLimits {
    pool: Pool,
    budget: Budget,
    requests: AtomicU32,
    tenants: Limiter<TenantId>,
    addresses: Limiter<(TenantId, IpAddr)>,
    actors: Limiter<(TenantId, [u8; 16])>,
}

/// The state of all pools.
pub struct RateLimits {
    pools: Vec<PoolLimits>,
}

/// One budget an address, for a listener where there is no clinic yet.
pub struct AddressLimit {
    requests: AtomicU32,
    addresses: Limiter<IpAddr>,
}

impl AddressLimit {
    /// A limit of so many requests a minute.
    #[must_use]
    pub fn new(per_min: NonZeroU32) -> AddressLimit {
        AddressLimit { requests: AtomicU32::new(0), addresses: limiter(per_min.get()) }
    }

    /// Counts a request of an address.
    ///
    /// # Errors
    /// `rate_limited` with the seconds to wait.
    pub fn check(&self, client: IpAddr) -> Result<(), AppError> {
        if is_time_to_sweep(&self.requests) {
            self.addresses.retain_recent();
        }
        spend(&self.addresses, &network(client), NonZeroU32::MIN).map(drop)
    }
}

/// What the caller is told about its budget (draft-ietf-httpapi-ratelimit-headers).
#[derive(Debug, Clone, Copy)]
pub struct RateState {
    pool: Pool,
    per_min: u32,
    remaining: u32,
}

impl RateState {
    /// Writes `RateLimit-Policy` and `RateLimit`.
    pub fn write(self, headers: &mut HeaderMap) {
        let name = self.pool.name();
        let policy = format!("\"{name}\";q={};w=60", self.per_min);
        let state = format!("\"{name}\";r={}", self.remaining);
        for (header, text) in [("ratelimit-policy", policy), ("ratelimit", state)] {
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(HeaderName::from_static(header), value);
            }
        }
    }
}

impl Default for RateLimits {
    fn default() -> Self {
        RateLimits::with(Pool::budget)
    }
}

impl RateLimits {
    /// Limits with a budget for each pool.
    #[must_use]
    pub fn with(budget: impl Fn(Pool) -> Budget) -> RateLimits {
        let pool = |pool: Pool| {
            let budget = budget(pool);
            PoolLimits {
                pool,
                budget,
                requests: AtomicU32::new(0),
                tenants: limiter(budget.tenant_per_min),
                addresses: limiter(budget.caller_per_min),
                actors: limiter(budget.caller_per_min),
            }
        };
        RateLimits { pools: Pool::ALL.map(pool).into_iter().collect() }
    }

    /// Counts a request of an address at a clinic.
    ///
    /// # Errors
    /// `rate_limited` with the seconds to wait.
    pub fn check(&self, class: RateClass, tenant: TenantId, client: IpAddr) -> Result<RateState, AppError> {
        let limits = self.of(class)?;
        if is_time_to_sweep(&limits.requests) {
            limits.tenants.retain_recent();
            limits.addresses.retain_recent();
            limits.actors.retain_recent();
        }
        let of_address = spend(&limits.addresses, &(tenant, network(client)), class.cost())?;
        let of_tenant = spend(&limits.tenants, &tenant, class.cost())?;
        let remaining = of_address.min(of_tenant);
        Ok(RateState { pool: limits.pool, per_min: limits.budget.caller_per_min, remaining })
    }

    /// Counts a request of a signed-in account.
    ///
    /// # Errors
    /// `rate_limited` with the seconds to wait.
    pub fn check_actor(&self, class: RateClass, tenant: TenantId, account: [u8; 16]) -> Result<(), AppError> {
        spend(&self.of(class)?.actors, &(tenant, account), class.cost()).map(drop)
    }

    fn of(&self, class: RateClass) -> Result<&PoolLimits, AppError> {
        let pool = class.pool();
        self.pools.iter().find(|one| one.pool == pool).ok_or_else(|| AppError::internal("rate.pool"))
    }
}

fn is_time_to_sweep(requests: &AtomicU32) -> bool {
    requests.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY_REQUESTS == SWEEP_EVERY_REQUESTS - 1
}

/// One IPv6 customer has a whole /64.
fn network(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

fn limiter<K: Hash + Eq + Clone>(per_min: u32) -> Limiter<K> {
    let quota = Quota::per_minute(NonZeroU32::new(per_min).unwrap_or(NonZeroU32::MIN));
    RateLimiter::keyed(quota).with_middleware()
}

fn spend<K: Hash + Eq + Clone>(limiter: &Limiter<K>, key: &K, cost: NonZeroU32) -> Result<u32, AppError> {
    match limiter.check_key_n(key, cost) {
        Ok(Ok(state)) => Ok(state.remaining_burst_capacity()),
        Ok(Err(until)) => {
            let wait = until.wait_time_from(DefaultClock::default().now());
            let seconds = u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
            Err(AppError::from(RATE_LIMITED).retry_after(seconds))
        }
        Err(_dearer_than_a_minutes_budget) => Err(AppError::from(RATE_LIMITED).retry_after(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_own_budget_and_the_clinic_one_over_all() {
        let limits = RateLimits::with(|_| Budget { tenant_per_min: 5, caller_per_min: 3 });
        let (alpha, beta) = (TenantId::random(), TenantId::random());
        let ip = |last: u8| IpAddr::from([192, 0, 2, last]);
        let ask = |tenant, last| limits.check(RateClass::Read, tenant, ip(last));
        assert_eq!(ask(alpha, 1).unwrap().remaining, 2);
        ask(alpha, 1).unwrap();
        ask(alpha, 1).unwrap();
        let refused = ask(alpha, 1).unwrap_err();
        assert_eq!((refused.kind.status, refused.retry_after_s.unwrap() > 0), (429, true));
        ask(alpha, 2).unwrap();
        ask(alpha, 3).unwrap();
        assert!(ask(alpha, 4).is_err(), "five in all, whoever asks");
        ask(beta, 1).unwrap();
        limits.check(RateClass::SignIn, alpha, ip(1)).unwrap();
    }

    #[test]
    fn a_route_counts_by_what_it_costs() {
        let limits = RateLimits::with(|_| Budget { tenant_per_min: 100, caller_per_min: 35 });
        let (tenant, ip, account) = (TenantId::random(), IpAddr::from([192, 0, 2, 1]), [1; 16]);
        for (class, left) in [(RateClass::Read, 34), (RateClass::Write, 24), (RateClass::Bulk, 4)] {
            assert_eq!(limits.check(class, tenant, ip).unwrap().remaining, left, "{class:?}");
        }
        assert!(limits.check(RateClass::Write, tenant, ip).is_err(), "ten are not left");
        limits.check(RateClass::Read, tenant, ip).unwrap();
        limits.check_actor(RateClass::Bulk, tenant, account).unwrap();
        assert!(limits.check_actor(RateClass::Bulk, tenant, account).is_err(), "from whatever address");
        let small = RateLimits::with(|_| Budget { tenant_per_min: 100, caller_per_min: 5 });
        let refused = small.check(RateClass::Bulk, tenant, ip).unwrap_err();
        assert_eq!(refused.retry_after_s, Some(60), "more than a minute's budget");
    }

    #[test]
    fn one_ipv6_customer_is_one_caller() {
        let limits = RateLimits::with(|_| Budget { tenant_per_min: 100, caller_per_min: 1 });
        let tenant = TenantId::random();
        limits.check(RateClass::Read, tenant, "2001:db8::1".parse().unwrap()).unwrap();
        assert!(limits.check(RateClass::Read, tenant, "2001:db8::ffff".parse().unwrap()).is_err());
        limits.check(RateClass::Read, tenant, "2001:db8:0:1::1".parse().unwrap()).unwrap();
    }
}
