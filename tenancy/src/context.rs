//! The tenant context a transaction carries: `<tenant>.<expiry>.<backend pid>.<reach>.<actor>.<at>.<mac>`, checked by
//! `sec.tenant()`. The last three before the MAC say who the transaction acts for, see [`crate::reach`].
//!
//! The MAC is HMAC-SHA-256 (RFC 2104). The database holds the key already combined with the two pads, so that its
//! half needs only the built-in `sha256()` and no extension.

use aws_lc_rs::hmac;
use regions::ids::TenantId;
use zeroize::Zeroizing;

use crate::keys::TenantKey;
use crate::reach::Caller;

/// Block size of SHA-256, in bytes (FIPS 180-4).
const BLOCK_BYTES: usize = 64;
/// Domain of the MAC; `sec.tenant()` prepends the same text.
const DOMAIN: &str = "domicile-context-1|";

/// What a context is bound to besides its tenant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound {
    /// Until when it is valid, in seconds since 1970 on the database's clock.
    pub(crate) expires_s: u64,
    /// The database's backend process; anywhere else it is worth nothing.
    pub(crate) pid: i32,
}

/// A tenant's context key.
pub(crate) struct ContextKey(Zeroizing<Vec<u8>>);

impl ContextKey {
    /// The key of purpose [`Context`](crate::keys::Purpose::Context).
    pub(crate) fn of(key: &TenantKey) -> Self {
        Self::new(key.bytes())
    }

    fn new(bytes: &[u8; 32]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    /// The context for a backend and a caller.
    pub(crate) fn mint(&self, tenant: TenantId, bound: Bound, caller: &Caller) -> String {
        let body = format!("{tenant}.{}.{}.{}", bound.expires_s, bound.pid, caller.text());
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_slice());
        let mac = hmac::sign(&key, format!("{DOMAIN}{body}").as_bytes());
        format!("{body}.{}", data_encoding::HEXLOWER.encode(mac.as_ref()))
    }

    /// The key combined with the inner and the outer pad of HMAC, as `sec.context_key` stores it.
    pub(crate) fn padded(&self) -> (Zeroizing<Vec<u8>>, Zeroizing<Vec<u8>>) {
        let pad = |byte: u8| {
            let mut block: Vec<u8> = self.0.iter().map(|key| key ^ byte).collect();
            block.resize(BLOCK_BYTES, byte);
            Zeroizing::new(block)
        };
        (pad(0x36), pad(0x5c))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::digest::{SHA256, digest};

    #[test]
    fn padded_halves_make_the_same_mac() {
        let key = ContextKey::new(&[7; 32]);
        let tenant = TenantId::random();
        let bound = Bound { expires_s: 1_800_000_000, pid: 4711 };
        let token = key.mint(tenant, bound, &Caller::system(1_700_000_000));
        let (body, mac) = token.rsplit_once('.').unwrap();
        let (inner, outer) = key.padded();
        let first = digest(&SHA256, &[inner.as_slice(), format!("{DOMAIN}{body}").as_bytes()].concat());
        let second = digest(&SHA256, &[outer.as_slice(), first.as_ref()].concat());
        assert_eq!(mac, data_encoding::HEXLOWER.encode(second.as_ref()));
    }
}
