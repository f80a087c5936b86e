//! Scopes: the actions that a token carries, by name. A scope takes from what a role may do and never adds to it.

use std::collections::BTreeSet;
use std::fmt;

use super::{Action, Assurance, Audience};

/// Most names in a scope.
const SCOPE_NAMES_MAX: usize = 64;

impl Action {
    /// The action with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Action> {
        Action::ALL.into_iter().find(|action| action.name() == name)
    }

    /// Whether a token may carry this action.
    ///
    /// What asks for a fresh factor is done by a person in the portal, and what opens or proves a session of its own is not
    /// handed to a program. Of what a session may do with a password alone, only seeing oneself and leaving are.
    #[must_use]
    pub const fn delegable(self) -> bool {
        match self.audience() {
            Audience::Anyone => return false,
            Audience::Staff => {}
        }
        match self {
            Action::MeRead | Action::SessionEnd => true,
            Action::SessionList
            | Action::SessionRevoke
            | Action::PhoneRead
            | Action::StaffEndSessions
            | Action::StaffUnlock
            | Action::OauthAuthorize
            | Action::OauthClientList
            | Action::OauthClientRead => false,
            _ => matches!(self.assurance(), Assurance::SecondFactor),
        }
    }
}

/// A set of actions that a token may carry.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope(BTreeSet<Action>);

impl Scope {
    /// The scope of these names; `None` when one is no name of an action that a token may carry, or there are too many.
    #[must_use]
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Scope> {
        let mut actions = BTreeSet::new();
        for (at, name) in names.into_iter().enumerate() {
            let action = Action::parse(name).filter(|action| action.delegable())?;
            if at >= SCOPE_NAMES_MAX {
                return None;
            }
            actions.insert(action);
        }
        Some(Scope(actions))
    }

    /// The scope in this text: names with one space between them (RFC 6749, 3.3).
    #[must_use]
    pub fn parse(text: &str) -> Option<Scope> {
        Scope::of(text.split(' '))
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the bearer may do this. A bearer may always end its own session.
    #[must_use]
    pub fn allows(&self, action: Action) -> bool {
        action == Action::SessionEnd || self.0.contains(&action)
    }

    /// Whether everything in it is in the other one too.
    #[must_use]
    pub fn is_within(&self, other: &Scope) -> bool {
        self.0.is_subset(&other.0)
    }

    /// What is in both.
    #[must_use]
    pub fn and(&self, other: &Scope) -> Scope {
        Scope(self.0.intersection(&other.0).copied().collect())
    }

    /// The part that `may` allows.
    #[must_use]
    pub fn where_allowed(&self, may: impl Fn(Action) -> bool) -> Scope {
        Scope(self.0.iter().copied().filter(|action| may(*action)).collect())
    }

    /// The names, in the order of the matrix.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|action| action.name())
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, name) in self.names().enumerate() {
            f.write_str(if at == 0 { "" } else { " " })?;
            f.write_str(name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_names_of_actions_that_a_token_may_carry() {
        let scope = Scope::parse("patient.read me.read").unwrap();
        assert_eq!(scope.to_string(), "me.read patient.read");
        assert!(scope.allows(Action::PatientRead) && scope.allows(Action::SessionEnd));
        assert!(!scope.allows(Action::PatientUpdate));
        for none in
            ["", " ", "patient.read ", "patient.read  me.read", "patients", "staff.invite", "session.create"]
        {
            assert_eq!(Scope::parse(none), None, "{none}");
        }
        let narrow = Scope::parse("me.read").unwrap();
        assert!(narrow.is_within(&scope) && !scope.is_within(&narrow));
        assert_eq!(scope.and(&narrow), narrow);
    }

    /// No token proves a factor, changes who may do what, or needs a fresh factor.
    #[test]
    fn no_token_carries_what_a_person_must_do() {
        for action in Action::ALL.into_iter().filter(|action| action.delegable()) {
            let name = action.name();
            assert!(action.assurance() <= Assurance::SecondFactor, "{name}");
            let own =
                ["session.", "factor.", "totp.", "passkey.", "recovery.", "password.", "email.", "oauth"];
            let is_own = own.iter().any(|begin| name.starts_with(begin));
            assert!(!is_own || action == Action::SessionEnd, "{name}");
        }
    }
}
