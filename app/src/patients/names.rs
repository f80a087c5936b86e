//! Names in any script: no part is required but one, and nothing is assumed about order.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a name is for.
#[derive(Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NameUse {
    /// The name on papers.
    #[default]
    Official,
    /// The name used every day.
    Usual,
    /// A name before marriage.
    Maiden,
    /// What friends say.
    Nickname,
    /// A name no longer in use.
    Old,
}

/// A person's name. At least one given or family name is there.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HumanName {
    /// What the name is for.
    #[serde(rename = "use", default)]
    pub usage: NameUse,
    /// Titles before the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Given names, in the order they are said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub given: Vec<String>,
    /// Family name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
}

impl HumanName {
    /// The name as one line, given names first.
    #[must_use]
    pub fn line(&self) -> String {
        let parts = self.given.iter().map(String::as_str).chain(self.family.as_deref());
        parts.collect::<Vec<_>>().join(" ")
    }

    /// The name's parts, without its prefix.
    pub fn parts(&self) -> impl Iterator<Item = &str> {
        self.given.iter().map(String::as_str).chain(self.family.as_deref())
    }
}

/// The name to show in a list: the usual one, else the official one, else the first.
#[must_use]
pub fn display(names: &[HumanName]) -> String {
    let of = |usage: NameUse| names.iter().find(|name| name.usage == usage);
    of(NameUse::Usual)
        .or_else(|| of(NameUse::Official))
        .or_else(|| names.first())
        .map(HumanName::line)
        .unwrap_or_default()
}
