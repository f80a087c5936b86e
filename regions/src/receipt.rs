//! The receipt: the backend's signed statement that it served a request, where, and with which status.

use crate::assertion::Assertion;
use crate::headers::RECEIPT;
use crate::ids::{Epoch, TenantId};
use crate::keyring::HmacKeyring;
use crate::region::RegionName;
use crate::wire::Writer;
use data_encoding::BASE64URL_NOPAD;
use http::{HeaderName, HeaderValue};

/// The header it travels in.
pub const HEADER: HeaderName = RECEIPT;
/// Longest header value, in bytes.
pub const VALUE_MAX_BYTES: usize = 96;

const DOMAIN: &str = "domicile-receipt-v1";

/// What a receipt states. The front door builds it from what it meant; the backend from the assertion it
/// verified against its own pins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    /// The assertion's nonce: the receipt is for this one request.
    pub nonce: [u8; 16],
    /// Whose data it was.
    pub tenant: TenantId,
    /// Where it was served.
    pub region: RegionName,
    /// Under which epoch.
    pub epoch: Epoch,
    /// The status of the response that carries it.
    pub status: u16,
}

/// Why a response may not be passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// It cannot be read.
    #[error("the receipt cannot be read")]
    Malformed,
    /// No listed key made it for this request, tenant, region, epoch and status.
    #[error("the receipt does not state what was meant")]
    Mismatch,
}

impl ReceiptError {
    /// A machine-readable name for logs and metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "receipt_malformed",
            Self::Mismatch => "receipt_mismatch",
        }
    }
}

impl Served {
    /// What serving the request of `assertion` with `status` states.
    pub fn of(assertion: &Assertion, status: u16) -> Self {
        Self {
            nonce: assertion.nonce,
            tenant: assertion.tenant,
            region: assertion.region,
            epoch: assertion.epoch,
            status,
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Writer::with_capacity(64);
        out.bytes(&self.nonce);
        out.bytes(self.tenant.as_bytes());
        out.text(self.region.as_str());
        out.u32(self.epoch.0);
        out.u16(self.status);
        out.finish()
    }
}

/// The signed header value: `kid.mac`.
///
/// # Errors
/// Never in practice: key ids and base64url are valid in a header.
pub fn mint(keys: &HmacKeyring, served: &Served) -> Result<HeaderValue, ReceiptError> {
    let (kid, mac) = keys.sign(DOMAIN, &served.encode());
    let text = format!("{kid}.{}", BASE64URL_NOPAD.encode(&mac));
    HeaderValue::try_from(text).ok().ok_or(ReceiptError::Malformed)
}

/// Checks that a header value states exactly `meant`.
///
/// # Errors
/// See [`ReceiptError`].
pub fn verify(value: &[u8], keys: &HmacKeyring, meant: &Served) -> Result<(), ReceiptError> {
    let text = std::str::from_utf8(value).ok().filter(|text| text.len() <= VALUE_MAX_BYTES);
    let (kid, mac) = text.and_then(|text| text.split_once('.')).ok_or(ReceiptError::Malformed)?;
    let mac = BASE64URL_NOPAD.decode(mac.as_bytes()).ok().ok_or(ReceiptError::Malformed)?;
    if keys.verify(kid, DOMAIN, &meant.encode(), &mac) { Ok(()) } else { Err(ReceiptError::Mismatch) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served() -> Served {
        Served {
            nonce: [1; 16],
            tenant: TenantId::from([2; 16]),
            region: "us-east-1".parse().unwrap(),
            epoch: Epoch(3),
            status: 200,
        }
    }

    #[test]
    fn a_receipt_holds_for_exactly_what_it_states() {
        let keys = HmacKeyring::from_text(&HmacKeyring::generate_line("r1".parse().unwrap())).unwrap();
        let value = mint(&keys, &served()).unwrap();
        assert!(value.len() <= VALUE_MAX_BYTES);
        assert_eq!(verify(value.as_bytes(), &keys, &served()), Ok(()));
        for other in [
            Served { nonce: [9; 16], ..served() },
            Served { tenant: TenantId::from([9; 16]), ..served() },
            Served { region: "ap-south-1".parse().unwrap(), ..served() },
            Served { epoch: Epoch(4), ..served() },
            Served { status: 201, ..served() },
        ] {
            assert_eq!(verify(value.as_bytes(), &keys, &other), Err(ReceiptError::Mismatch), "{other:?}");
        }
        for at in 0..value.len() {
            let mut bytes = value.as_bytes().to_vec();
            bytes[at] ^= 1;
            assert!(verify(&bytes, &keys, &served()).is_err(), "byte {at}");
        }
        assert_eq!(verify(b"r1", &keys, &served()), Err(ReceiptError::Malformed));
        assert_eq!(verify(b"r1.AAAA", &keys, &served()), Err(ReceiptError::Mismatch));
    }
}
