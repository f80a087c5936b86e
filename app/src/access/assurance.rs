//! How sure the server must be of who is asking before an action is answered.

use chrono::{DateTime, Duration, Utc};

use super::{Action, Audience};

/// Age of a factor, in seconds, up to which it counts as proven for [`Assurance::StepUp`].
pub const STEP_UP_MAX_AGE_S: i64 = 300;

/// What a session must have proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Assurance {
    /// The session itself: what is needed to come to a second factor, or to leave.
    Any,
    /// A second factor at some time of the session (NIST SP 800-63B-4, AAL2).
    SecondFactor,
    /// A second factor within the last [`STEP_UP_MAX_AGE_S`].
    StepUp,
}

/// Why a session is not sure enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsure {
    /// No second factor was proven.
    NoFactor,
    /// It was proven too long ago.
    TooOld,
}

impl Assurance {
    /// Whether a session that proved a factor at `factor_at` is sure enough.
    ///
    /// # Errors
    /// What is missing.
    pub fn check(self, factor_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<(), Unsure> {
        match (self, factor_at) {
            (Assurance::Any, _) | (Assurance::SecondFactor, Some(_)) => Ok(()),
            (Assurance::SecondFactor | Assurance::StepUp, None) => Err(Unsure::NoFactor),
            (Assurance::StepUp, Some(at)) => {
                let age = now - at;
                // A clock that went back does not make a factor fresh for longer.
                let fresh = (Duration::zero()..=Duration::seconds(STEP_UP_MAX_AGE_S)).contains(&age);
                if fresh { Ok(()) } else { Err(Unsure::TooOld) }
            }
        }
    }
}

impl Action {
    /// What a session must have proven for this action.
    ///
    /// A new action needs a second factor until somebody writes here why not: forgetting this file closes a route, it
    /// never opens one.
    #[must_use]
    pub const fn assurance(self) -> Assurance {
        match self.audience() {
            Audience::Anyone => return Assurance::Any,
            Audience::Staff => {}
        }
        match self {
            // The way to a second factor, and out. None of them shows anything but the caller's own account.
            Action::SessionRead
            | Action::SessionEnd
            | Action::SessionProve
            | Action::MeRead
            | Action::FactorList
            | Action::TotpEnrol
            | Action::TotpConfirm
            | Action::PasskeyBegin
            | Action::PasskeyAdd
            | Action::PasskeyChallenge => Assurance::Any,
            // Who may do what, and what proves who they are.
            Action::StaffInvite
            | Action::FactorReset
            | Action::RecoveryRenew
            | Action::PasskeyRemove
            | Action::SessionPolicyChange
            | Action::DocumentPolicyChange
            | Action::PasswordChange
            | Action::EmailAsk
            | Action::EmailChange
            | Action::PhoneAsk
            | Action::PhoneSet
            | Action::PhoneRemove => Assurance::StepUp,
            Action::StaffRole | Action::StaffDeactivate | Action::StaffReactivate | Action::StaffSites => {
                Assurance::StepUp
            }
            // A program is somebody too.
            Action::OauthClientRegister
            | Action::OauthClientChange
            | Action::OauthClientKeys
            | Action::OauthClientDisable => Assurance::StepUp,
            // Somebody from outside is let in.
            Action::SupportApprove => Assurance::StepUp,
            // What cannot be undone, and what stands in its way.
            Action::ErasureApprove | Action::LegalHoldRelease => Assurance::StepUp,
            // A month of everything that was done, in files that leave the clinic.
            Action::PackDownload => Assurance::StepUp,
            // A patient who is not one's own.
            Action::BreakGlassStart => Assurance::StepUp,
            _ => Assurance::SecondFactor,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_is_fresh_for_five_minutes_and_none_is_never_enough() {
        let now = DateTime::<Utc>::from_timestamp(1_800_000_000, 0).unwrap();
        let ago = |seconds: i64| Some(now - Duration::seconds(seconds));
        assert_eq!(Assurance::Any.check(None, now), Ok(()));
        assert_eq!(Assurance::SecondFactor.check(None, now), Err(Unsure::NoFactor));
        assert_eq!(Assurance::SecondFactor.check(ago(40_000), now), Ok(()));
        assert_eq!(Assurance::StepUp.check(None, now), Err(Unsure::NoFactor));
        assert_eq!(Assurance::StepUp.check(ago(300), now), Ok(()));
        assert_eq!(Assurance::StepUp.check(ago(301), now), Err(Unsure::TooOld));
        assert_eq!(Assurance::StepUp.check(ago(-1), now), Err(Unsure::TooOld));
    }

    #[test]
    fn nothing_of_a_patient_is_reached_without_a_second_factor() {
        for action in Action::ALL.into_iter().filter(|action| action.touches_patients()) {
            assert!(action.assurance() >= Assurance::SecondFactor, "{}", action.name());
        }
    }
}
