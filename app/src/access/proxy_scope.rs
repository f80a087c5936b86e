//! What of a patient's record somebody who stands in for the patient was given, and which of it each action takes.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Action;

/// A part of what a proxy may do. Row security knows the same words (`migrations/replaceable/tenant/10_rules.sql`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProxyScope {
    /// See the record, who treats, who used it and to whom it was given.
    Record,
    /// See and open its documents.
    Documents,
    /// Ask for corrections; with the record, correct how the patient is reached.
    Corrections,
}

impl ProxyScope {
    /// Every one, in the order of the text form.
    pub const ALL: [ProxyScope; 3] = [ProxyScope::Record, ProxyScope::Documents, ProxyScope::Corrections];

    /// The stored name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            ProxyScope::Record => "record",
            ProxyScope::Documents => "documents",
            ProxyScope::Corrections => "corrections",
        }
    }

    /// The one with this stored name.
    #[must_use]
    pub fn parse(name: &str) -> Option<ProxyScope> {
        ProxyScope::ALL.into_iter().find(|scope| scope.as_str() == name)
    }
}

/// What of a record an action takes from whoever stands in for the patient; all of it must have been given.
///
/// What is not named here takes the record: forgetting this file closes a route to those who were given something else, it
/// opens none.
#[must_use]
pub const fn needs(action: Action) -> &'static [ProxyScope] {
    match action {
        // For whom one stands in, by name.
        Action::PatientList => &[],
        Action::DocumentList
        | Action::DocumentRead
        | Action::DocumentDownload
        | Action::DocumentLink
        | Action::DocumentRedeem => &[ProxyScope::Documents],
        Action::CorrectionAsk | Action::CorrectionList => &[ProxyScope::Corrections],
        // Its answer is the record.
        Action::PatientContact => &[ProxyScope::Record, ProxyScope::Corrections],
        _ => &[ProxyScope::Record],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Role, may};

    #[test]
    fn a_scope_has_one_name_and_only_the_list_is_open_to_all_of_them() {
        for scope in ProxyScope::ALL {
            assert_eq!(ProxyScope::parse(scope.as_str()), Some(scope));
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.as_str());
        }
        assert_eq!(ProxyScope::parse("everything"), None);
        let open = Action::ALL.into_iter().filter(|action| {
            action.touches_patients() && may(Role::Proxy, *action) && needs(*action).is_empty()
        });
        assert_eq!(open.collect::<Vec<_>>(), [Action::PatientList]);
    }
}
