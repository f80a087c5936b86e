//! Searches: exactly one criterion, answered from keyed tags or, for the start of a name, from memory.

use chrono::NaiveDate;
use serde::Deserialize;
use tenancy::TenantTx;
use tenancy::keys::Purpose;
use utoipa::ToSchema;
use uuid::Uuid;

use super::identifier::{Identifier, IdentifierKind};
use super::model::field_bits;
use super::name_index::{Asker, Found, NameIndexes, name_begins};
use super::tags::{Tag, Tagger, words, words_of};
use super::{queries, text};
use crate::ctx::Ctx;
use crate::error::{AppError, BIRTH_DATE_NEEDED};
use crate::store::StoreError;

/// Most patients in one answer.
pub const RESULTS_MAX: u32 = 50;
/// Patients in one answer when the caller does not say.
const RESULTS_DEFAULT: u32 = 20;
/// Patients with one birth date and initial that are looked at; far more than any clinic has.
const CANDIDATES_MAX: i64 = 2_000;
/// Most characters of a name in a search.
const NAME_MAX_CHARS: usize = 100;
/// Most words of a name in a search.
const WORDS_MAX: usize = 8;

/// What to search for: exactly one of `mrn`, `phone`, `email`, `identifier`, `name` and `name_starts_with`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchInput {
    /// Medical record number.
    #[serde(default)]
    pub mrn: Option<String>,
    /// Phone; without a country code it belongs to the clinic's country.
    #[serde(default)]
    pub phone: Option<String>,
    /// E-mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// Identifier; `ssn_last4` needs `birth_date` too.
    #[serde(default)]
    pub identifier: Option<Identifier>,
    /// A whole name, or whole words of it; needs `birth_date`.
    #[serde(default)]
    pub name: Option<String>,
    /// Beginnings of words of a name; a large clinic needs `birth_date` too.
    #[serde(default)]
    pub name_starts_with: Option<String>,
    /// Narrows `name`, `name_starts_with` and `identifier`.
    #[serde(default)]
    pub birth_date: Option<NaiveDate>,
    /// Most patients to return, up to 50.
    #[serde(default)]
    pub limit: Option<u32>,
}

/// A checked search.
pub enum Criterion {
    /// By MRN.
    Mrn(String),
    /// By phone.
    Phone(String),
    /// By e-mail address.
    Email(String),
    /// By identifier.
    Identifier(Identifier, Option<NaiveDate>),
    /// By name and birth date.
    Name(String, NaiveDate),
    /// By the beginnings of words, with the birth date when there is one.
    StartsWith(Vec<String>, Option<NaiveDate>),
}

impl Criterion {
    /// The fields that a search compares with.
    #[must_use]
    pub const fn looks_at(&self) -> u64 {
        match self {
            Criterion::Mrn(_) => field_bits::MRN,
            Criterion::Phone(_) => field_bits::PHONES,
            Criterion::Email(_) => field_bits::EMAILS,
            Criterion::Identifier(_, None) => field_bits::IDENTIFIERS,
            Criterion::Identifier(_, Some(_)) => field_bits::IDENTIFIERS | field_bits::BIRTH_DATE,
            Criterion::StartsWith(_, None) => field_bits::NAMES,
            Criterion::Name(..) | Criterion::StartsWith(_, Some(_)) => {
                field_bits::NAMES | field_bits::BIRTH_DATE
            }
        }
    }
}

impl SearchInput {
    /// How many patients to return.
    ///
    /// # Errors
    /// For zero and for more than allowed.
    pub fn limit(&self) -> Result<usize, AppError> {
        match self.limit.unwrap_or(RESULTS_DEFAULT) {
            limit @ 1..=RESULTS_MAX => Ok(usize::try_from(limit).unwrap_or(1)),
            _ => Err(AppError::invalid_field("/limit", "out_of_range")),
        }
    }

    /// The one criterion.
    ///
    /// # Errors
    /// When there is none, more than one, or one that lacks what it needs.
    pub fn criterion(self) -> Result<Criterion, AppError> {
        let given = [
            self.mrn.is_some(),
            self.phone.is_some(),
            self.email.is_some(),
            self.identifier.is_some(),
            self.name.is_some(),
            self.name_starts_with.is_some(),
        ];
        if given.into_iter().filter(|given| *given).count() != 1 {
            return Err(AppError::invalid_field("", "exactly_one_criterion"));
        }
        let dated = self.birth_date;
        let criterion = match self {
            SearchInput { mrn: Some(mrn), .. } => Criterion::Mrn(mrn),
            SearchInput { phone: Some(phone), .. } => Criterion::Phone(phone),
            SearchInput { email: Some(email), .. } => Criterion::Email(email),
            SearchInput { identifier: Some(identifier), .. } => return by_identifier(&identifier, dated),
            SearchInput { name: Some(name), .. } => return by_name(&name, dated),
            SearchInput { name_starts_with: Some(start), .. } => return starts_with(&start, dated),
            _ => return Err(AppError::internal("search.criterion")),
        };
        match dated {
            None => Ok(criterion),
            Some(_) => Err(AppError::invalid_field("/birth_date", "not_with_this_criterion")),
        }
    }
}

fn by_identifier(identifier: &Identifier, dated: Option<NaiveDate>) -> Result<Criterion, AppError> {
    let normal = identifier.normal().map_err(|code| AppError::invalid_field("/identifier/value", code))?;
    match (normal.kind, dated) {
        (IdentifierKind::SsnLast4, None) => Err(AppError::invalid_field("/birth_date", "required")),
        (IdentifierKind::SsnLast4, Some(_)) | (_, None) => Ok(Criterion::Identifier(normal, dated)),
        (_, Some(_)) => Err(AppError::invalid_field("/birth_date", "not_with_this_criterion")),
    }
}

fn by_name(name: &str, dated: Option<NaiveDate>) -> Result<Criterion, AppError> {
    let name = text::clean(name, NAME_MAX_CHARS).map_err(|code| AppError::invalid_field("/name", code))?;
    let dated = dated.ok_or_else(|| AppError::invalid_field("/birth_date", "required"))?;
    Ok(Criterion::Name(name, dated))
}

fn starts_with(start: &str, dated: Option<NaiveDate>) -> Result<Criterion, AppError> {
    let fault = |code| AppError::invalid_field("/name_starts_with", code);
    let start = text::clean(start, NAME_MAX_CHARS).map_err(fault)?;
    let beginnings = words(&start);
    if beginnings.is_empty() {
        return Err(fault("empty"));
    }
    if beginnings.len() > WORDS_MAX {
        return Err(fault("too_many_words"));
    }
    // One Latin letter would list half the clinic; one Han character is a family name.
    if beginnings.iter().all(|word| word.is_ascii() && word.len() < 2) {
        return Err(fault("too_short"));
    }
    Ok(Criterion::StartsWith(beginnings, dated))
}

/// Searches one clinic.
pub struct Search<'a> {
    /// Who asks.
    pub ctx: &'a Ctx,
    /// Names in memory.
    pub names: &'a NameIndexes,
    /// Most patients to return.
    pub limit: usize,
}

impl Search<'_> {
    /// The patients that fit, at most one more than the limit, so that the caller sees that there are more.
    ///
    /// # Errors
    /// When the value cannot be one of its kind, the clinic is too large, or a store does not answer.
    pub async fn run(&self, tx: &mut TenantTx, criterion: Criterion) -> Result<Vec<Uuid>, AppError> {
        let key = self.ctx.keys.tenant_key(tx.tenant(), Purpose::BlindIndex).await?;
        let tagger = Tagger { key: &key, jurisdiction: self.ctx.clinic.jurisdiction };
        let tag = match criterion {
            Criterion::Mrn(mrn) => tagged(tagger.mrn(&mrn), "/mrn")?,
            Criterion::Phone(phone) => tagged(tagger.phone(&phone), "/phone")?,
            Criterion::Email(email) => tagged(tagger.email(&email), "/email")?,
            Criterion::Identifier(one, dated) => tagged(tagger.identifier(&one, dated), "/identifier/value")?,
            Criterion::Name(name, dated) => tagged(tagger.name(&name, dated), "/name")?,
            Criterion::StartsWith(beginnings, Some(dated)) => {
                return Ok(self.by_beginning_and_date(tx, &tagger, (&beginnings, dated)).await?);
            }
            Criterion::StartsWith(beginnings, None) => {
                let asker =
                    Asker { keys: &self.ctx.keys, caller: self.ctx.caller(), within: self.ctx.within() };
                let found = self.names.search(tx, &asker, &beginnings, self.limit + 1).await?;
                return match found {
                    Found::Patients(ids) => Ok(ids),
                    Found::TooManyPatients => Err(BIRTH_DATE_NEEDED.into()),
                };
            }
        };
        Ok(queries::with_tags(tx, self.ctx.within(), &[tag], self.results_max()).await?)
    }

    fn results_max(&self) -> i64 {
        i64::try_from(self.limit).unwrap_or(i64::MAX).saturating_add(1)
    }

    /// Tags find those with the birth date and the initials; their names, opened, decide.
    async fn by_beginning_and_date(
        &self,
        tx: &mut TenantTx,
        tagger: &Tagger<'_>,
        (beginnings, dated): (&[String], NaiveDate),
    ) -> Result<Vec<Uuid>, StoreError> {
        let tags =
            beginnings.iter().map(|word| tagger.initial(word, dated)).collect::<Result<Vec<Tag>, _>>()?;
        let candidates = queries::with_tags(tx, self.ctx.within(), &tags, CANDIDATES_MAX).await?;
        let named = queries::names_of(tx, &self.ctx.keys, &candidates).await?;
        let mut found: Vec<Uuid> = named
            .iter()
            .filter(|(_, names)| {
                names.expose().iter().any(|name| {
                    let own = words_of(name);
                    name_begins(own.iter().map(String::as_str), beginnings)
                })
            })
            .map(|(id, _)| *id)
            .collect();
        found.sort_unstable();
        found.truncate(self.limit + 1);
        Ok(found)
    }
}

fn tagged(tag: Result<Tag, StoreError>, pointer: &str) -> Result<Tag, AppError> {
    tag.map_err(|_not_one_of_its_kind| AppError::invalid_field(pointer, "invalid_value"))
}
