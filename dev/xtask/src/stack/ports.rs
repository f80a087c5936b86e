//! Looks whether the stack's ports are free before anything starts, and says which are not.
use std::net::TcpListener;

use crate::fail::{Fail, Outcome};
use crate::layout::{Ports, REGIONS};
use crate::places::Home;
use crate::process;

/// Every port of the stack with the process that listens on it.
pub(crate) fn all(ports: Ports) -> Vec<(u16, String)> {
    let mut list: Vec<(u16, String)> = [
        (ports.control(), "control"),
        (ports.feed(), "control"),
        (ports.control_admin(), "control"),
        (ports.control_postgres(), "control/postgres"),
    ]
    .map(|(port, name)| (port, name.to_owned()))
    .to_vec();
    for region in &REGIONS {
        let own = ports.region(region);
        let of_region = [
            (own.front_door(), "front-door"),
            (own.front_door_admin(), "front-door"),
            (own.front_door_peer(), "front-door"),
            (own.backend(), "backend"),
            (own.backend_admin(), "backend"),
            (own.worker_admin(), "worker"),
            (own.postgres(), "postgres"),
            (own.s3(), "localaws"),
            (own.kms(), "localaws"),
        ];
        list.extend(of_region.map(|(port, name)| (port, format!("{}/{name}", region.code))));
    }
    list
}

/// Refuses when a port is taken by something that is not this stack's own process for it.
pub(crate) fn check(home: &Home, ports: Ports) -> Outcome<()> {
    let busy: Vec<String> = all(ports)
        .into_iter()
        .filter(|(port, name)| {
            let ours = process::recorded(home, name).is_some_and(|record| process::is_alive(&record));
            !ours && !is_free(*port)
        })
        .map(|(port, name)| format!("{port} ({name})"))
        .collect();
    if busy.is_empty() {
        return Ok(());
    }
    let plural = if busy.len() == 1 { "port is" } else { "ports are" };
    let other = free_base(ports)
        .map_or_else(String::new, |base| format!(", for example DOMICILE_PORT_BASE={base} make up"));
    Err(Fail::new(format!("The {plural} in use by another program: {}.", busy.join(", ")))
        .hint(format!("stop that program, or move the stack to other ports{other}")))
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

fn free_base(taken: Ports) -> Option<u16> {
    (1..=BASES_TRIED_MAX)
        .filter_map(|step| taken.base().checked_add(step * 1000))
        .find(|base| Ports::new(*base).is_ok_and(|ports| all(ports).iter().all(|(port, _)| is_free(*port))))
}

const BASES_TRIED_MAX: u16 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_port_is_named_with_who_wants_it_and_where_else_to_go() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(dir.path().to_owned());
        let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        // The taken port is the backend's of the first region, twelve above the base.
        let ports = Ports::new(port - 12).unwrap();
        let said = check(&home, ports).unwrap_err().to_string();
        assert!(said.contains("in use by another program"), "{said}");
        assert!(said.contains(&format!("{port} (us/backend)")), "{said}");
        assert!(said.contains("What to do: stop that program, or move the stack to other ports"), "{said}");
        drop(taken);
        let again = check(&home, ports).map_err(|fail| fail.to_string()).err().unwrap_or_default();
        assert!(!again.contains(&format!("{port} (")), "{again}");
    }
}
