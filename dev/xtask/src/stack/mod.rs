//! The local stack: a control plane and two regions, each with servers, data and certificates of its own.
pub(crate) mod bring_up;
pub(crate) mod commands;
pub(crate) mod configs;
pub(crate) mod databases;
pub(crate) mod describe;
pub(crate) mod lock;
mod migrations;
pub(crate) mod ports;
pub(crate) mod roles;
pub(crate) mod sockets;
pub(crate) mod wait;

use std::path::PathBuf;

use crate::fail::Outcome;
use crate::layout::Ports;
use crate::places::{Checkout, Home};

/// Which stack: where it lives, which ports it has, and which programs it runs.
pub(crate) struct Stack {
    /// The checkout that paths for scripts are relative to.
    pub root: PathBuf,
    /// Where it lives.
    pub home: Home,
    /// Its ports.
    pub ports: Ports,
    /// The folder with `domicile` and `localaws`.
    pub binaries: PathBuf,
}

impl Stack {
    /// The stack of `make up`: in `.domicile`, on the ports that `DOMICILE_PORT_BASE` says.
    pub(crate) fn of(checkout: &Checkout) -> Outcome<Self> {
        Ok(Self {
            root: checkout.root().to_owned(),
            home: Home::new(checkout.root().join(".domicile")),
            ports: Ports::from_env()?,
            binaries: checkout.binaries()?,
        })
    }

    /// The stack of `make up` as it was last started, for commands that look at it or stop it.
    pub(crate) fn existing(checkout: &Checkout) -> Outcome<Self> {
        let stack = Self::of(checkout)?;
        let ports = Ports::remembered(&stack.home).unwrap_or(stack.ports);
        Ok(Self { ports, ..stack })
    }

    /// `path` as scripts should see it: relative to the checkout.
    pub(crate) fn relative(&self, path: &std::path::Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }
}
