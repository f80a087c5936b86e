//! The residency rules: which region may carry whose streams, and the verdict on a request from TLS and head
//! alone.

use crate::directory::record::{RegionRecord, TenantState};
use crate::directory::{Lookup, Route};
use crate::hosts::{BaseDomain, HostKind};
use crate::ids::Slug;
use crate::region::{RegionCode, RegionName};
use http::Method;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a front door does with a TLS stream for another region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransitMode {
    /// Carry it there unopened.
    Passthrough,
    /// End it with a TLS alert.
    Refuse,
}

/// For each pair of entry region and home region, what may happen to a stream; as data, so that a test covers
/// every cell.
///
/// A pair that is not in the matrix is refused. A matrix without regions is that of a front door without a
/// directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransitMatrix {
    by_code: BTreeMap<RegionCode, RegionName>,
    cells: BTreeMap<(RegionName, RegionName), TransitMode>,
}

/// The verdict on a ClientHello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HelloVerdict {
    /// Finish TLS here, if this process has a certificate for the name; end with an alert if not.
    Terminate,
    /// Carry the stream unopened to the front door of this region.
    Forward(RegionName),
    /// End with a TLS alert; the code says why.
    RefuseTls(&'static str),
}

/// The verdict on a request whose TLS ended here and whose head was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The clinic is at home here.
    Serve(Route),
    /// The bare host was asked politely: this is the tenant host.
    Redirect308 {
        /// The clinic's own host.
        right_host: String,
    },
    /// Not here. Not one body byte is read.
    Misdirected421 {
        /// Where the clinic answers, if there is such a clinic.
        right_host: Option<String>,
    },
    /// No such clinic.
    Unknown404,
    /// The directory is not loaded, so nothing is known.
    NotReady503,
    /// The clinic is suspended.
    Suspended403,
    /// The clinic was off-boarded.
    Gone410,
    /// The request itself is not acceptable; the code says why.
    BadRequest400(&'static str),
}

/// What the verdict on a request depends on, and nothing else does.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The region this front door stands in.
    pub entry: RegionName,
    /// What the TLS server name stood for.
    pub sni: &'a HostKind,
    /// What the Host header or `:authority` stands for.
    pub host: &'a HostKind,
    /// The request's method.
    pub method: &'a Method,
    /// What the directory says about the slug in `host`.
    pub lookup: Lookup,
}

impl TransitMatrix {
    /// The matrix that the regions' own records describe: each region decides who may carry streams to it.
    pub fn from_regions<'a>(regions: impl IntoIterator<Item = &'a RegionRecord> + Clone) -> Self {
        let mut matrix = Self::default();
        for home in regions.clone() {
            matrix.by_code.insert(home.region.code, home.region.name);
            for entry in regions.clone() {
                if entry.region.name != home.region.name {
                    matrix.set(entry.region.name, home.region.name, home.transit);
                }
            }
        }
        matrix
    }

    /// Sets one cell.
    pub fn set(&mut self, entry: RegionName, home: RegionName, mode: TransitMode) {
        self.cells.insert((entry, home), mode);
    }

    /// What may happen to a stream that enters in one region and belongs to another.
    pub fn mode(&self, entry: RegionName, home: RegionName) -> TransitMode {
        self.cells.get(&(entry, home)).copied().unwrap_or(TransitMode::Refuse)
    }

    /// The verdict on a ClientHello that arrived in region `entry` for the server name `sni`.
    ///
    /// The region's code in the name decides, not the clinic: which clinics exist is for the home region to
    /// say, over TLS.
    pub fn hello(&self, entry: RegionName, sni: Option<&HostKind>) -> HelloVerdict {
        match sni {
            None => HelloVerdict::RefuseTls("sni_missing"),
            Some(HostKind::Other | HostKind::Control) => HelloVerdict::RefuseTls("sni_not_served"),
            Some(HostKind::Bare { .. }) => HelloVerdict::Terminate,
            // Without a directory only the certificates at hand tell what is at home here; the head then gets
            // 503.
            Some(HostKind::Tenant { .. }) if self.by_code.is_empty() => HelloVerdict::Terminate,
            Some(HostKind::Tenant { code, .. }) => match self.by_code.get(code) {
                None => HelloVerdict::RefuseTls("region_unknown"),
                Some(home) if *home == entry => HelloVerdict::Terminate,
                Some(home) => match self.mode(entry, *home) {
                    TransitMode::Passthrough => HelloVerdict::Forward(*home),
                    TransitMode::Refuse => HelloVerdict::RefuseTls("transit_refused"),
                },
            },
        }
    }
}

/// The verdict on a request's head. It is a function of its arguments: the order of its lines is the order of
/// the rules.
pub fn verdict(base: &BaseDomain, arrival: &Arrival<'_>) -> Verdict {
    if *arrival.method == Method::CONNECT {
        return Verdict::BadRequest400("connect_refused");
    }
    if arrival.sni != arrival.host {
        return Verdict::Misdirected421 { right_host: right_host(base, arrival) };
    }
    let (slug, code) = match *arrival.host {
        HostKind::Tenant { slug, code } => (slug, Some(code)),
        HostKind::Bare { slug } => (slug, None),
        HostKind::Control | HostKind::Other => return Verdict::Misdirected421 { right_host: None },
    };
    match arrival.lookup {
        Lookup::NotReady => Verdict::NotReady503,
        Lookup::Unknown => Verdict::Unknown404,
        Lookup::Found(route) if route.state == TenantState::Offboarded => Verdict::Gone410,
        Lookup::Found(route) => match code {
            Some(code) => on_tenant_host(base, arrival, slug, code, route),
            None => on_bare_host(base, arrival.method, slug, route),
        },
    }
}

fn on_tenant_host(
    base: &BaseDomain,
    arrival: &Arrival<'_>,
    slug: Slug,
    code: RegionCode,
    route: Route,
) -> Verdict {
    if code != route.code || arrival.entry != route.region {
        return Verdict::Misdirected421 { right_host: Some(base.tenant_host(&slug, &route.code)) };
    }
    if route.state == TenantState::Suspended { Verdict::Suspended403 } else { Verdict::Serve(route) }
}

fn on_bare_host(base: &BaseDomain, method: &Method, slug: Slug, route: Route) -> Verdict {
    let right_host = base.tenant_host(&slug, &route.code);
    match *method {
        Method::GET | Method::HEAD => Verdict::Redirect308 { right_host },
        _ => Verdict::Misdirected421 { right_host: Some(right_host) },
    }
}

/// Where the clinic that the Host header names answers; nothing for a clinic that is not there.
fn right_host(base: &BaseDomain, arrival: &Arrival<'_>) -> Option<String> {
    match (*arrival.host, arrival.lookup) {
        (HostKind::Tenant { slug, .. } | HostKind::Bare { slug }, Lookup::Found(route))
            if route.state != TenantState::Offboarded =>
        {
            Some(base.tenant_host(&slug, &route.code))
        }
        (HostKind::Control, _) => Some(base.control_host()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hosts::canonical_host;
    use crate::ids::{Epoch, ShardId, TenantId};
    use crate::region::{Jurisdiction, Region};

    const REGIONS: [(&str, &str); 3] = [("us-east-1", "us"), ("ap-south-1", "in"), ("eu-central-1", "eu")];

    fn base() -> BaseDomain {
        "domicile.localhost".parse().unwrap()
    }

    fn kind(host: &str) -> HostKind {
        base().classify(&canonical_host(&format!("{host}.domicile.localhost")).unwrap())
    }

    fn record(name: &str, code: &str, transit: TransitMode) -> RegionRecord {
        let region = Region {
            name: name.parse().unwrap(),
            code: code.parse().unwrap(),
            jurisdiction: Jurisdiction::Us,
        };
        RegionRecord { region, peer_front_door: "h:1".into(), public_port: 443, transit }
    }

    fn route(region: &str, code: &str, state: TenantState) -> Route {
        Route {
            id: TenantId::from([1; 16]),
            region: region.parse().unwrap(),
            code: code.parse().unwrap(),
            shard: ShardId(1),
            state,
            epoch: Epoch(1),
        }
    }

    #[test]
    fn every_cell_of_the_transit_matrix_decides_by_home_and_mode_alone() {
        let mut cells = 0;
        for refusing in REGIONS.map(|(name, _)| name) {
            let mode = |name| if name == refusing { TransitMode::Refuse } else { TransitMode::Passthrough };
            let records = REGIONS.map(|(name, code)| record(name, code, mode(name)));
            let matrix = TransitMatrix::from_regions(&records);
            for (entry, _) in REGIONS {
                for (home, code) in REGIONS {
                    let verdict = matrix.hello(entry.parse().unwrap(), Some(&kind(&format!("lotus.{code}"))));
                    let expected = match (entry == home, mode(home)) {
                        (true, _) => HelloVerdict::Terminate,
                        (false, TransitMode::Passthrough) => HelloVerdict::Forward(home.parse().unwrap()),
                        (false, TransitMode::Refuse) => HelloVerdict::RefuseTls("transit_refused"),
                    };
                    assert_eq!(verdict, expected, "{entry} → {home}, {refusing} refuses");
                    cells += 1;
                }
            }
        }
        assert_eq!(cells, 27);
    }

    #[test]
    fn a_hello_without_a_known_home_is_never_forwarded() {
        let records = REGIONS.map(|(name, code)| record(name, code, TransitMode::Passthrough));
        let (loaded, empty) = (TransitMatrix::from_regions(&records), TransitMatrix::default());
        let us = "us-east-1".parse().unwrap();
        for (sni, when_loaded, when_empty) in [
            (None, HelloVerdict::RefuseTls("sni_missing"), HelloVerdict::RefuseTls("sni_missing")),
            (
                Some("control"),
                HelloVerdict::RefuseTls("sni_not_served"),
                HelloVerdict::RefuseTls("sni_not_served"),
            ),
            (
                Some("a.b.c"),
                HelloVerdict::RefuseTls("sni_not_served"),
                HelloVerdict::RefuseTls("sni_not_served"),
            ),
            (Some("lotus.zz"), HelloVerdict::RefuseTls("region_unknown"), HelloVerdict::Terminate),
            (Some("lotus"), HelloVerdict::Terminate, HelloVerdict::Terminate),
            (Some("lotus.us"), HelloVerdict::Terminate, HelloVerdict::Terminate),
        ] {
            let sni = sni.map(kind);
            assert_eq!(loaded.hello(us, sni.as_ref()), when_loaded, "{sni:?}");
            assert_eq!(empty.hello(us, sni.as_ref()), when_empty, "{sni:?} without a directory");
        }
        let elsewhere = "sa-east-1".parse().unwrap();
        assert_eq!(loaded.mode(us, elsewhere), TransitMode::Refuse, "a pair that is not in the matrix");
    }

    /// Every combination of server name, host, method and directory state, against a second statement of the
    /// rules.
    #[test]
    fn the_verdict_matrix_is_exhaustive() {
        let hosts = ["lotus.us", "lotus.in", "lotus", "other.us", "control", "www"];
        let lookups = [Lookup::NotReady, Lookup::Unknown].into_iter().chain(
            [TenantState::Active, TenantState::Suspended, TenantState::Offboarded]
                .into_iter()
                .flat_map(|state| [route("us-east-1", "us", state), route("ap-south-1", "in", state)])
                .map(Lookup::Found),
        );
        let methods = [
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::DELETE,
            Method::OPTIONS,
            Method::CONNECT,
        ];
        let (mut served, mut judged) = (0, 0);
        for lookup in lookups {
            for (sni, host) in hosts.iter().flat_map(|sni| hosts.map(|host| (*sni, host))) {
                for method in &methods {
                    let arrival = Arrival {
                        entry: "us-east-1".parse().unwrap(),
                        sni: &kind(sni),
                        host: &kind(host),
                        method,
                        lookup,
                    };
                    let got = verdict(&base(), &arrival);
                    check(&got, sni, host, &arrival);
                    served += u32::from(matches!(got, Verdict::Serve(_)));
                    judged += 1;
                }
            }
        }
        // Only two hosts of region us, only active, only at home: 2 hosts × 6 methods.
        assert_eq!((served, judged), (12, 8 * 36 * 7));
    }

    fn check(got: &Verdict, sni: &str, host: &str, arrival: &Arrival<'_>) {
        let context = format!("{sni} {host} {} {:?}", arrival.method, arrival.lookup);
        let live = match arrival.lookup {
            Lookup::Found(route) if route.state != TenantState::Offboarded => Some(route),
            _ => None,
        };
        let slug = host.split('.').next().unwrap();
        let home = live.map(|route| format!("{slug}.{}.domicile.localhost", route.code));
        let polite = [Method::GET, Method::HEAD].contains(arrival.method);
        let expected = if *arrival.method == Method::CONNECT {
            Verdict::BadRequest400("connect_refused")
        } else if kind(sni) != kind(host) {
            let right_host = match kind(host) {
                HostKind::Other => None,
                HostKind::Control => Some("control.domicile.localhost".into()),
                _ => home,
            };
            Verdict::Misdirected421 { right_host }
        } else if ["control", "www"].contains(&host) {
            Verdict::Misdirected421 { right_host: None }
        } else {
            match arrival.lookup {
                Lookup::NotReady => Verdict::NotReady503,
                Lookup::Unknown => Verdict::Unknown404,
                Lookup::Found(route) => match (route.state, host.split('.').nth(1), route.code.as_str()) {
                    (TenantState::Offboarded, ..) => Verdict::Gone410,
                    (_, None, _) if polite => Verdict::Redirect308 { right_host: home.unwrap() },
                    (_, None, _) | (_, Some("in"), _) | (_, Some("us"), "in") => {
                        Verdict::Misdirected421 { right_host: home }
                    }
                    (TenantState::Suspended, ..) => Verdict::Suspended403,
                    (TenantState::Active, ..) => Verdict::Serve(route),
                },
            }
        };
        assert_eq!(*got, expected, "{context}");
    }
}
