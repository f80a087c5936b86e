//! The control plane's rules without I/O: a tenant's lifecycle, placement, the order of onboarding steps, names.

use std::fmt;
use std::str::FromStr;

use regions::ids::ShardId;
use tenancy::blind::normalise;

use super::error::ControlError;

/// How long a purged tenant's slug rests before somebody else may take it, in days. Bookmarks, mails and cookies of the
/// old clinic should be gone by then.
pub const SLUG_QUARANTINE_DAYS: i64 = 180;

/// Longest legal name, in characters.
const LEGAL_NAME_MAX_CHARS: usize = 200;

/// Longest name that somebody gives a passkey, in characters; as in the table.
const PASSKEY_LABEL_MAX_CHARS: usize = 64;

/// Longest e-mail address, in bytes (RFC 5321 section 4.5.3.1.3 less the brackets).
const EMAIL_MAX_BYTES: usize = 254;

/// The states of a tenant, in the order a tenant goes through them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifecycle {
    /// Asked for; not placed yet.
    Applied,
    /// Placed; its region's worker is building it.
    Provisioning,
    /// In service.
    Active,
    /// Known, but answered with 403 until resumed.
    Suspended,
    /// Out of service for good; its data are being destroyed.
    Offboarding,
    /// Its data and keys are gone. The record stays as a tombstone.
    Purged,
}

/// What moves a tenant from one state to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Give it a shard and its worker a task.
    Provision,
    /// Take it into service, when the invitation step is reported.
    Activate,
    /// Stop serving it.
    Suspend,
    /// Serve it again.
    Resume,
    /// End it and have its data destroyed.
    Offboard,
    /// Record that its data are gone.
    Purge,
}

impl Lifecycle {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Applied, Self::Provisioning, Self::Active, Self::Suspended, Self::Offboarding, Self::Purged];

    /// The state as it is stored and shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Provisioning => "provisioning",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Offboarding => "offboarding",
            Self::Purged => "purged",
        }
    }

    /// The state after `command`.
    ///
    /// # Errors
    /// [`ControlError::Illegal`] for every pair that the lifecycle does not draw.
    pub const fn after(self, command: Command) -> Result<Self, ControlError> {
        match (self, command) {
            (Self::Applied, Command::Provision) => Ok(Self::Provisioning),
            (Self::Provisioning, Command::Activate) | (Self::Suspended, Command::Resume) => Ok(Self::Active),
            (Self::Active, Command::Suspend) => Ok(Self::Suspended),
            // Also one that never came into service: otherwise a clinic that cannot be built could not be given up.
            (Self::Provisioning | Self::Active | Self::Suspended, Command::Offboard) => Ok(Self::Offboarding),
            (Self::Offboarding, Command::Purge) => Ok(Self::Purged),
            (from, command) => Err(ControlError::Illegal { from, command }),
        }
    }
}

impl Command {
    /// Every command.
    pub const ALL: [Self; 6] =
        [Self::Provision, Self::Activate, Self::Suspend, Self::Resume, Self::Offboard, Self::Purge];

    /// The command as a verb.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provision => "provision",
            Self::Activate => "activate",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Offboard => "offboard",
            Self::Purge => "purge",
        }
    }
}

impl fmt::Display for Lifecycle {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl fmt::Display for Command {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for Lifecycle {
    type Err = ControlError;

    fn from_str(text: &str) -> Result<Self, ControlError> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(ControlError::Stored("tenant state"))
    }
}

/// How full one open shard is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShardLoad {
    /// The shard.
    pub shard: ShardId,
    /// Tenants it has.
    pub tenants: i64,
    /// Tenants it takes.
    pub tenants_max: i64,
}

/// The shard for the next tenant: the one with the smallest share of its room used, the lowest number among equals.
///
/// # Errors
/// [`ControlError::NoCapacity`] when every shard is full or there is none.
pub fn place(loads: &[ShardLoad]) -> Result<ShardId, ControlError> {
    loads
        .iter()
        .filter(|load| load.tenants < load.tenants_max)
        .min_by(|a, b| {
            // Cross-multiplied, so that no fraction is rounded: a.tenants / a.max against b.tenants / b.max.
            let left = i128::from(a.tenants) * i128::from(b.tenants_max);
            let right = i128::from(b.tenants) * i128::from(a.tenants_max);
            left.cmp(&right).then(a.shard.cmp(&b.shard))
        })
        .map(|load| load.shard)
        .ok_or(ControlError::NoCapacity)
}

/// Whether a report of `step` fits when `done` of the steps before it are done.
///
/// # Errors
/// [`ControlError::Invalid`] for a step that the plan does not have, [`ControlError::OutOfOrder`] for one whose turn has
/// not come. A step that is done already may be reported again: the worker could have died before it read the answer.
pub fn accept_step(plan: &[&'static str], done: usize, step: &str) -> Result<&'static str, ControlError> {
    let position = plan
        .iter()
        .position(|known| *known == step)
        .ok_or(ControlError::Invalid { field: "step", code: "unknown_step" })?;
    if position > done {
        return Err(ControlError::OutOfOrder);
    }
    plan.get(position).copied().ok_or(ControlError::OutOfOrder)
}

/// A legal name as it is stored: trimmed, without control characters.
///
/// # Errors
/// [`ControlError::Invalid`] on `legal_name`.
pub fn legal_name(text: &str) -> Result<String, ControlError> {
    line("legal_name", text, LEGAL_NAME_MAX_CHARS)
}

/// What somebody calls a passkey, as it is stored: trimmed, without control characters.
///
/// # Errors
/// [`ControlError::Invalid`] on `label`.
pub fn passkey_label(text: &str) -> Result<String, ControlError> {
    line("label", text, PASSKEY_LABEL_MAX_CHARS)
}

/// One line of text in any script, with nothing in it that cannot be seen.
fn line(field: &'static str, text: &str, chars_max: usize) -> Result<String, ControlError> {
    let name = text.trim();
    let invalid = |code| Err(ControlError::Invalid { field, code });
    if name.is_empty() {
        return invalid("required");
    }
    if name.chars().count() > chars_max {
        return invalid("too_long");
    }
    if name.chars().any(|c| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
    {
        return invalid("control_character");
    }
    Ok(name.to_owned())
}

/// An e-mail address that a mail can be sent to and that somebody can sign in with: the home region makes the account's
/// log-in name from it, by this same normaliser, when nobody is there any more to correct it.
///
/// # Errors
/// [`ControlError::Invalid`] on `first_admin_email`.
pub fn email(text: &str) -> Result<String, ControlError> {
    let address = text.trim();
    if address.len() > EMAIL_MAX_BYTES
        || address.parse::<lettre::Address>().is_err()
        || normalise::email(address).is_err()
    {
        return Err(ControlError::Invalid { field: "first_admin_email", code: "not_an_address" });
    }
    Ok(address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(shard: u16, tenants: i64, tenants_max: i64) -> ShardLoad {
        ShardLoad { shard: ShardId(shard), tenants, tenants_max }
    }

    #[test]
    fn lifecycle_moves_are_exactly_these() {
        let mut legal = Vec::new();
        for from in Lifecycle::ALL {
            for command in Command::ALL {
                if let Ok(to) = from.after(command) {
                    legal.push(format!("{from} --{command}--> {to}"));
                }
            }
        }
        assert_eq!(
            legal,
            [
                "applied --provision--> provisioning",
                "provisioning --activate--> active",
                "provisioning --offboard--> offboarding",
                "active --suspend--> suspended",
                "active --offboard--> offboarding",
                "suspended --resume--> active",
                "suspended --offboard--> offboarding",
                "offboarding --purge--> purged",
            ]
        );
    }

    #[test]
    fn states_survive_storage() {
        for state in Lifecycle::ALL {
            assert_eq!(state.as_str().parse::<Lifecycle>().unwrap(), state);
        }
        assert!("gone".parse::<Lifecycle>().is_err());
    }

    #[test]
    fn placement_takes_the_emptiest_shard_with_room() {
        assert_eq!(place(&[load(1, 5, 10), load(2, 40, 100)]).unwrap(), ShardId(2));
        assert_eq!(place(&[load(2, 0, 10), load(1, 0, 500)]).unwrap(), ShardId(1));
        assert_eq!(place(&[load(1, 10, 10), load(2, 99, 100)]).unwrap(), ShardId(2));
        assert!(matches!(place(&[load(1, 10, 10)]), Err(ControlError::NoCapacity)));
        assert!(matches!(place(&[]), Err(ControlError::NoCapacity)));
    }

    #[test]
    fn steps_come_in_order_and_may_be_repeated() {
        let plan = ["schemas", "role", "grants"];
        assert_eq!(accept_step(&plan, 0, "schemas").unwrap(), "schemas");
        assert_eq!(accept_step(&plan, 2, "schemas").unwrap(), "schemas");
        assert!(matches!(accept_step(&plan, 0, "role"), Err(ControlError::OutOfOrder)));
        assert!(matches!(accept_step(&plan, 3, "tables"), Err(ControlError::Invalid { .. })));
    }

    #[test]
    fn legal_names_keep_their_script_and_nothing_invisible() {
        assert_eq!(legal_name("  लोटस क्लिनिक  ").unwrap(), "लोटस क्लिनिक");
        for bad in ["", "   ", "a\u{0}b", "a\nb", "evil\u{202e}cinilc", &"x".repeat(201)] {
            assert!(legal_name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_passkeys_name_is_one_short_line() {
        assert_eq!(passkey_label(" लैपटॉप ").unwrap(), "लैपटॉप");
        assert!(passkey_label(&"x".repeat(64)).is_ok());
        for bad in ["", " ", "a\tb", &"x".repeat(65)] {
            assert!(passkey_label(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn addresses_are_addresses() {
        assert_eq!(email(" a.b@clinic.example ").unwrap(), "a.b@clinic.example");
        for bad in [
            "",
            "a",
            "a@",
            "@b",
            "a@b\r\nBcc: c@d",
            "a b@c.example",
            "\"a b\"@c.example",
            "\"a@b\"@c.example",
            &format!("{}@b.example", "a".repeat(260)),
        ] {
            assert!(email(bad).is_err(), "{bad:?}");
        }
    }
}
