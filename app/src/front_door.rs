//! The `front-door` role: reads the file and hands over to the `regions` crate, which knows no tenant's data.

use std::path::Path;

use regions::clock::Clock;
use regions::front_door::{self, Config};
use regions::shutdown::Shutdown;

use crate::role::{self, RoleError};

/// Runs until asked to stop.
///
/// # Errors
/// A sentence for the operator.
pub fn run(config: &Path) -> Result<(), RoleError> {
    let config: Config = role::load(config)?;
    regions::log::init("front-door", Some(config.region), Box::new(std::io::stdout()));
    // The doors themselves run on threads of their own, one a core; this one only waits.
    role::runtime(1)?.block_on(async {
        let (trigger, shutdown) = Shutdown::new();
        let signals = tokio::spawn(trigger.on_signal());
        let result = front_door::run(config, Clock::system(), shutdown).await;
        signals.abort();
        result.map_err(|error| RoleError::while_doing("the front door", &error))
    })
}
