//! PROXY protocol version 2, the little of it that one front door says to another: who the client was.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use thiserror::Error;

/// The twelve bytes every version 2 header starts with (haproxy `proxy-protocol.txt`, 2.2).
const SIGNATURE: [u8; 12] = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
const FIXED_BYTES: usize = 16;
const VERSION_2_PROXY: u8 = 0x21;
const TCP_OVER_IPV4: u8 = 0x11;
const TCP_OVER_IPV6: u8 = 0x21;
const IPV4_ADDRESS_BYTES: u16 = 12;
const IPV6_ADDRESS_BYTES: u16 = 36;
/// The most address and TLV bytes we accept after the fixed part.
const VARIABLE_BYTES_MAX: u16 = 512;

/// The most bytes a header we accept can have.
pub const HEADER_BYTES_MAX: usize = FIXED_BYTES + 512;

/// Why bytes are not a header we accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProxyError {
    /// The signature is not there.
    #[error("not a PROXY v2 header")]
    NotProxy,
    /// A command or family that a front door never sends (LOCAL, UDP, Unix sockets).
    #[error("unsupported PROXY v2 command or address family")]
    Unsupported,
    /// Lengths contradict each other.
    #[error("malformed PROXY v2 header")]
    Malformed,
}

/// What the bytes read so far amount to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Read more.
    NeedMore,
    /// The header took `consumed` bytes; the stream proper follows.
    Complete {
        /// The address of the client as the sending front door saw it.
        client: SocketAddr,
        /// Bytes of the header.
        consumed: usize,
    },
}

/// The header for a TCP stream from `client` that was accepted at `local`.
#[must_use]
pub fn encode(client: SocketAddr, local: SocketAddr) -> Vec<u8> {
    let mut out = Vec::with_capacity(FIXED_BYTES + usize::from(IPV6_ADDRESS_BYTES));
    out.extend_from_slice(&SIGNATURE);
    out.push(VERSION_2_PROXY);
    match (client.ip().to_canonical(), local.ip().to_canonical()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            out.push(TCP_OVER_IPV4);
            out.extend_from_slice(&IPV4_ADDRESS_BYTES.to_be_bytes());
            out.extend_from_slice(&source.octets());
            out.extend_from_slice(&destination.octets());
        }
        (source, destination) => {
            out.push(TCP_OVER_IPV6);
            out.extend_from_slice(&IPV6_ADDRESS_BYTES.to_be_bytes());
            out.extend_from_slice(&as_v6(source).octets());
            out.extend_from_slice(&as_v6(destination).octets());
        }
    }
    out.extend_from_slice(&client.port().to_be_bytes());
    out.extend_from_slice(&local.port().to_be_bytes());
    out
}

/// Looks at everything received so far on a connection, from its first byte.
///
/// # Errors
/// [`ProxyError`] as soon as it is certain that the bytes can never become an acceptable header.
pub fn inspect(received: &[u8]) -> Result<Progress, ProxyError> {
    let known = received.len().min(SIGNATURE.len());
    if received.get(..known) != SIGNATURE.get(..known) {
        return Err(ProxyError::NotProxy);
    }
    let Some(fixed) = received.first_chunk::<FIXED_BYTES>() else { return Ok(Progress::NeedMore) };
    let [.., command, family, high, low] = *fixed;
    let length = u16::from_be_bytes([high, low]);
    if command != VERSION_2_PROXY || !matches!(family, TCP_OVER_IPV4 | TCP_OVER_IPV6) {
        return Err(ProxyError::Unsupported);
    }
    let needed = if family == TCP_OVER_IPV4 { IPV4_ADDRESS_BYTES } else { IPV6_ADDRESS_BYTES };
    if length < needed || length > VARIABLE_BYTES_MAX {
        return Err(ProxyError::Malformed);
    }
    let consumed = FIXED_BYTES + usize::from(length);
    let Some(addresses) = received.get(FIXED_BYTES..consumed) else { return Ok(Progress::NeedMore) };
    let client = read_client(addresses, family).ok_or(ProxyError::Malformed)?;
    Ok(Progress::Complete { client, consumed })
}

fn read_client(addresses: &[u8], family: u8) -> Option<SocketAddr> {
    if family == TCP_OVER_IPV4 {
        let source = Ipv4Addr::from(*addresses.first_chunk::<4>()?);
        let port = u16::from_be_bytes(*addresses.get(8..)?.first_chunk::<2>()?);
        Some(SocketAddr::new(IpAddr::V4(source), port))
    } else {
        let source = Ipv6Addr::from(*addresses.first_chunk::<16>()?);
        let port = u16::from_be_bytes(*addresses.get(32..)?.first_chunk::<2>()?);
        Some(SocketAddr::new(IpAddr::V6(source).to_canonical(), port))
    }
}

fn as_v6(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    }
}

/// A block of addresses such as `10.0.0.0/8` or `fd00::/8`; tells which peers may send a header at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cidr {
    network: IpAddr,
    prefix: u8,
}

impl Cidr {
    /// Whether `ip` (IPv4-mapped addresses count as IPv4) lies in the block.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.network, ip.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(ip)) => {
                let shift = 32_u32.saturating_sub(u32::from(self.prefix));
                (network.to_bits() ^ ip.to_bits()).checked_shr(shift).unwrap_or(0) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(ip)) => {
                let shift = 128_u32.saturating_sub(u32::from(self.prefix));
                (network.to_bits() ^ ip.to_bits()).checked_shr(shift).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

/// The text is not `address/prefix` with a prefix that fits the address family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not an address block such as 10.0.0.0/8")]
pub struct CidrError;

impl std::str::FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let (network, prefix) = text.split_once('/').ok_or(CidrError)?;
        let network: IpAddr = network.parse().ok().ok_or(CidrError)?;
        let prefix: u8 = prefix.parse().ok().ok_or(CidrError)?;
        let longest = if network.is_ipv4() { 32 } else { 128 };
        if prefix > longest {
            return Err(CidrError);
        }
        Ok(Self { network, prefix })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_from_any_prefix() {
        for (client, local) in [
            ("192.0.2.7:51000", "127.0.0.1:443"),
            ("[2001:db8::9]:51000", "[::1]:443"),
            ("[2001:db8::9]:1", "10.0.0.1:443"),
        ] {
            let (client, local) = (client.parse().unwrap(), local.parse().unwrap());
            let wire = encode(client, local);
            for end in 0..wire.len() {
                assert_eq!(inspect(&wire[..end]), Ok(Progress::NeedMore));
            }
            assert_eq!(inspect(&wire), Ok(Progress::Complete { client, consumed: wire.len() }));
        }
    }

    #[test]
    fn refuses_text_version_local_command_and_short_addresses() {
        assert_eq!(inspect(b"PROXY TCP4 1.2.3.4"), Err(ProxyError::NotProxy));
        let good = encode("192.0.2.7:1".parse().unwrap(), "127.0.0.1:2".parse().unwrap());
        for (index, value, error) in [
            (12, 0x20, ProxyError::Unsupported),
            (13, 0x12, ProxyError::Unsupported),
            (15, 11, ProxyError::Malformed),
            (14, 9, ProxyError::Malformed),
        ] {
            let mut bad = good.clone();
            bad[index] = value;
            assert_eq!(inspect(&bad), Err(error));
        }
    }

    #[test]
    fn blocks_contain_what_they_say() {
        let block: Cidr = "10.1.0.0/16".parse().unwrap();
        assert!(block.contains("10.1.255.255".parse().unwrap()));
        assert!(block.contains("::ffff:10.1.0.1".parse().unwrap()));
        assert!(!block.contains("10.2.0.0".parse().unwrap()));
        let all: Cidr = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains("203.0.113.9".parse().unwrap()));
        let one: Cidr = "127.0.0.1/32".parse().unwrap();
        assert!(!one.contains("127.0.0.2".parse().unwrap()));
        let six: Cidr = "fd00::/8".parse().unwrap();
        assert!(six.contains("fd12::1".parse().unwrap()) && !six.contains("2001:db8::1".parse().unwrap()));
        for bad in ["10.0.0.0", "10.0.0.0/33", "x/8", "::/129"] {
            assert!(bad.parse::<Cidr>().is_err());
        }
    }
}
