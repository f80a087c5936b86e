//! What the local stack consists of: its regions, its ports, and the names everything goes by.
use crate::fail::{Fail, Outcome};
use crate::places::{Home, read_text};

/// The parent of all host names; resolves to loopback on every system without set-up (RFC 6761, 6.3).
pub(crate) const BASE: &str = "domicile.localhost";

/// One local region.
#[derive(Clone, Copy)]
pub(crate) struct LocalRegion {
    /// The AWS region's name.
    pub name: &'static str,
    /// The short code in host names and folder names.
    pub code: &'static str,
    /// The jurisdiction's code.
    pub jurisdiction: &'static str,
    port_offset: u16,
    /// The demo clinic that lives here.
    pub clinic: Clinic,
}

/// A demo clinic.
#[derive(Clone, Copy)]
pub(crate) struct Clinic {
    /// The first label of its host.
    pub slug: &'static str,
    /// The name on its invitations.
    pub legal_name: &'static str,
}

/// The two regions that exist today.
pub(crate) const REGIONS: [LocalRegion; 2] = [
    LocalRegion {
        name: "us-east-1",
        code: "us",
        jurisdiction: "US",
        port_offset: 10,
        clinic: Clinic { slug: "aurora", legal_name: "Aurora Family Clinic (demo)" },
    },
    LocalRegion {
        name: "ap-south-1",
        code: "in",
        jurisdiction: "IN",
        port_offset: 20,
        clinic: Clinic { slug: "lotus", legal_name: "Lotus Clinic (demo)" },
    },
];

/// Every port of a stack follows from one number.
#[derive(Clone, Copy)]
pub(crate) struct Ports {
    base: u16,
}

/// The ports of one region.
#[derive(Clone, Copy)]
pub(crate) struct RegionPorts {
    first: u16,
}

impl Ports {
    /// Reads `DOMICILE_PORT_BASE`, or takes the default.
    pub(crate) fn from_env() -> Outcome<Self> {
        match std::env::var("DOMICILE_PORT_BASE") {
            Err(_) => Self::new(PORT_BASE_DEFAULT),
            Ok(text) => Self::parse(&text),
        }
    }

    fn parse(text: &str) -> Outcome<Self> {
        match text.trim().parse() {
            Ok(base) => Self::new(base),
            Err(_) => Err(bad_base(text)),
        }
    }

    /// The ports that the stack in `home` was last started on.
    pub(crate) fn remembered(home: &Home) -> Option<Self> {
        let text = read_text(&home.run("port-base")).ok()?;
        Self::new(text.trim().parse().ok()?).ok()
    }

    /// Ports from `base` on.
    pub(crate) fn new(base: u16) -> Outcome<Self> {
        let fits = (PORT_BASE_MIN..=u16::MAX - PORTS_SPAN).contains(&base);
        if fits { Ok(Self { base }) } else { Err(bad_base(&base.to_string())) }
    }

    /// The number all others follow from.
    pub(crate) fn base(self) -> u16 {
        self.base
    }
    /// The platform API.
    pub(crate) fn control(self) -> u16 {
        self.base
    }
    /// The directory feed.
    pub(crate) fn feed(self) -> u16 {
        self.base + 1
    }
    /// The control plane's health and metrics.
    pub(crate) fn control_admin(self) -> u16 {
        self.base + 2
    }
    /// The control plane's database.
    pub(crate) fn control_postgres(self) -> u16 {
        self.base + 3
    }
    /// The ports of one region.
    pub(crate) fn region(self, region: &LocalRegion) -> RegionPorts {
        RegionPorts { first: self.base + region.port_offset }
    }
}

impl RegionPorts {
    /// Where clients connect.
    pub(crate) fn front_door(self) -> u16 {
        self.first
    }
    /// The front door's health and metrics.
    pub(crate) fn front_door_admin(self) -> u16 {
        self.first + 1
    }
    /// Where front doors connect.
    pub(crate) fn backend(self) -> u16 {
        self.first + 2
    }
    /// The backend's health and metrics.
    pub(crate) fn backend_admin(self) -> u16 {
        self.first + 3
    }
    /// The worker's health and metrics.
    pub(crate) fn worker_admin(self) -> u16 {
        self.first + 4
    }
    /// The region's PostgreSQL cluster.
    pub(crate) fn postgres(self) -> u16 {
        self.first + 5
    }
    /// The region's object store.
    pub(crate) fn s3(self) -> u16 {
        self.first + 6
    }
    /// The region's key service.
    pub(crate) fn kms(self) -> u16 {
        self.first + 7
    }
    /// Where other regions' front doors hand over unopened streams.
    pub(crate) fn front_door_peer(self) -> u16 {
        self.first + 8
    }
}

/// The address of a local port.
pub(crate) fn local(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

fn bad_base(text: &str) -> Fail {
    Fail::new(format!("DOMICILE_PORT_BASE is {text:?}, which cannot hold the stack's ports.")).hint(format!(
        "set it to a number from {PORT_BASE_MIN} to {}, for example DOMICILE_PORT_BASE=17400",
        u16::MAX - PORTS_SPAN
    ))
}

const PORT_BASE_DEFAULT: u16 = 7400;
const PORT_BASE_MIN: u16 = 1024;
const PORTS_SPAN: u16 = 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_that_cannot_hold_the_ports_is_refused_with_the_range() {
        for bad in ["", "seven", "-1", "80", "1023", "65506", "65535", "65536", "7400.5"] {
            let said = Ports::parse(bad).map(Ports::base).unwrap_err().to_string();
            assert!(said.contains(&format!("DOMICILE_PORT_BASE is {bad:?}")), "{said}");
            assert!(said.contains("a number from 1024 to 65505"), "{said}");
        }
        for good in ["1024", " 7400\n", "65505"] {
            assert!(Ports::parse(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn no_two_listeners_share_a_port() {
        let mut all: Vec<u16> =
            crate::stack::ports::all(Ports::new(20_000).unwrap()).into_iter().map(|(port, _)| port).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
