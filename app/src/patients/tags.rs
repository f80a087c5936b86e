//! The keyed tags by which a patient is found, and the tags of a question.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use regions::region::Jurisdiction;
use tenancy::blind::normalise::{self, NormaliseError};
use tenancy::blind::{self, Index, Normalised};
use tenancy::keys::{BlindKeys, TenantKey};

use super::identifier::{Identifier, IdentifierKind};
use super::model::Demographics;
use super::names::HumanName;
use crate::registry;
use crate::store::StoreError;

/// Most tags of one patient under one version of the key; while it is rotated there are two.
pub const TAGS_MAX: usize = 160;
/// Most words of one name that are tagged; the whole name always is.
const WORDS_MAX: usize = 8;

/// A tag and the number of its index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag {
    /// Which index.
    pub index: u32,
    /// The keyed tag.
    pub tag: [u8; 16],
}

/// Computes tags under one clinic's key.
pub struct Tagger<'a> {
    /// The clinic's blind-index key.
    pub key: &'a TenantKey,
    /// The clinic's jurisdiction, for phone numbers without a country.
    pub jurisdiction: Jurisdiction,
}

fn no_tag<E>(_never_shown: E) -> StoreError {
    StoreError::Tag
}

impl Tagger<'_> {
    fn tag(&self, index: &Index, values: &[&Normalised]) -> Result<Tag, StoreError> {
        Ok(Tag { index: index.id, tag: blind::tag(self.key, index, values).map_err(no_tag)? })
    }

    /// The tag of a medical record number.
    ///
    /// # Errors
    /// When nothing of it is left in normal form.
    pub fn mrn(&self, mrn: &str) -> Result<Tag, StoreError> {
        self.tag(&registry::INDEX_MRN, &[&normalise::mrn(mrn).map_err(no_tag)?])
    }

    /// The tag of a phone number.
    ///
    /// # Errors
    /// When it is not one.
    pub fn phone(&self, phone: &str) -> Result<Tag, StoreError> {
        self.tag(&registry::INDEX_PHONE, &[&normalise::phone(phone, self.jurisdiction).map_err(no_tag)?])
    }

    /// The tag of an e-mail address.
    ///
    /// # Errors
    /// When it is not one.
    pub fn email(&self, email: &str) -> Result<Tag, StoreError> {
        self.tag(&registry::INDEX_EMAIL, &[&normalise::email(email).map_err(no_tag)?])
    }

    /// The tag of an identifier; four digits of a Social Security number only together with the birth date.
    ///
    /// # Errors
    /// When it is not one.
    pub fn identifier(
        &self,
        identifier: &Identifier,
        birth_date: Option<NaiveDate>,
    ) -> Result<Tag, StoreError> {
        if identifier.kind == IdentifierKind::SsnLast4 {
            let digits = normalise::ssn_last4(&identifier.value).map_err(no_tag)?;
            let born = normalise::birth_date(birth_date.ok_or(StoreError::Tag)?).map_err(no_tag)?;
            return self.tag(&registry::INDEX_SSN4_BIRTH_DATE, &[&digits, &born]);
        }
        let system = identifier.kind.as_str().replace('_', "-");
        let value = normalise::identifier(&system, &identifier.value).map_err(no_tag)?;
        self.tag(&registry::INDEX_IDENTIFIER, &[&value])
    }

    /// The tag of a name, or of some words of it in any order, with the birth date.
    ///
    /// # Errors
    /// When nothing of the name is left in normal form, or more than an index takes.
    pub fn name(&self, name: &str, birth_date: NaiveDate) -> Result<Tag, StoreError> {
        self.words(&words(name), birth_date)?.ok_or(StoreError::Tag)
    }

    /// The tag of the first letter of a word with the birth date.
    ///
    /// # Errors
    /// When nothing of the word is left in normal form.
    pub fn initial(&self, word: &str, birth_date: NaiveDate) -> Result<Tag, StoreError> {
        let initial: String = word.chars().take(1).collect();
        let initial = normalise::last_name(&initial).map_err(no_tag)?;
        let born = normalise::birth_date(birth_date).map_err(no_tag)?;
        self.tag(&registry::INDEX_INITIAL_BIRTH_DATE, &[&initial, &born])
    }

    /// The tag of some words in any order; none when they are together more than an index takes, or nothing at all.
    ///
    /// What is left out is not missed: a search for a whole name is bound by the same length, and each word of the name
    /// has a tag of its own.
    fn words(&self, words: &[String], birth_date: NaiveDate) -> Result<Option<Tag>, StoreError> {
        let mut sorted: Vec<&str> = words.iter().map(String::as_str).collect();
        sorted.sort_unstable();
        let name = match normalise::last_name(&sorted.join(" ")) {
            Ok(name) => name,
            Err(NormaliseError::Empty | NormaliseError::TooLong) => return Ok(None),
            Err(NormaliseError::Form) => return Err(StoreError::Tag),
        };
        let born = normalise::birth_date(birth_date).map_err(no_tag)?;
        self.tag(&registry::INDEX_NAME_BIRTH_DATE, &[&name, &born]).map(Some)
    }

    /// Every tag of a patient.
    ///
    /// # Errors
    /// When one cannot be computed.
    pub fn all(&self, person: &Demographics) -> Result<BTreeSet<Tag>, StoreError> {
        let birth_date = *person.birth_date.expose();
        let mut tags = BTreeSet::new();
        if let Some(mrn) = person.mrn.expose() {
            tags.insert(self.mrn(mrn)?);
        }
        for phone in person.phones.expose() {
            tags.insert(self.phone(&phone.value)?);
        }
        for email in person.emails.expose() {
            tags.insert(self.email(&email.value)?);
        }
        for identifier in person.identifiers.expose() {
            tags.insert(self.identifier(identifier, Some(birth_date))?);
        }
        for name in person.names.expose() {
            self.names(name, birth_date, &mut tags)?;
        }
        Ok(tags.into_iter().take(TAGS_MAX).collect())
    }

    /// The whole name, each word, and each given name with the family name.
    fn names(
        &self,
        name: &HumanName,
        birth_date: NaiveDate,
        tags: &mut BTreeSet<Tag>,
    ) -> Result<(), StoreError> {
        tags.extend(self.whole_names(name, birth_date)?);
        for word in words_of(name).iter().take(WORDS_MAX) {
            tags.extend(self.words(std::slice::from_ref(word), birth_date)?);
            tags.insert(self.initial(word, birth_date)?);
        }
        let family = name.family.as_deref().map(words).unwrap_or_default();
        if !family.is_empty() {
            tags.extend(self.words(&family, birth_date)?);
        }
        Ok(())
    }

    /// What somebody may be called in full, with the birth date: the whole name, and each given name with the family name.
    ///
    /// # Errors
    /// When one cannot be computed.
    pub fn whole_names(&self, name: &HumanName, birth_date: NaiveDate) -> Result<BTreeSet<Tag>, StoreError> {
        let mut tags: BTreeSet<Tag> = self.words(&words_of(name), birth_date)?.into_iter().collect();
        let family = name.family.as_deref().map(words).unwrap_or_default();
        if !family.is_empty() {
            for given in &name.given {
                let both: Vec<String> = words(given).into_iter().chain(family.iter().cloned()).collect();
                tags.extend(self.words(&both, birth_date)?);
            }
        }
        Ok(tags)
    }
}

/// Every tag that a patient's row carries: those that searches ask for, and during a rotation those of the other version.
///
/// # Errors
/// When one cannot be computed.
pub fn carried(
    keys: &BlindKeys,
    jurisdiction: Jurisdiction,
    person: &Demographics,
) -> Result<BTreeSet<Tag>, StoreError> {
    let mut carried = BTreeSet::new();
    for key in keys.all() {
        carried.extend(Tagger { key, jurisdiction }.all(person)?);
    }
    Ok(carried)
}

/// The words of a whole name in normal form, part by part: together the parts may be longer than one normal form can be.
#[must_use]
pub fn words_of(name: &HumanName) -> Vec<String> {
    name.parts().flat_map(words).collect()
}

/// Why the words of one part of a name could not be looked up, as a code.
///
/// # Errors
/// `too_long` when the part or a word of it is more in normal form than an index takes.
pub fn check_part(part: &str) -> Result<(), &'static str> {
    match normalise::name(part) {
        Ok(normal) if normal.split(' ').all(|word| word.len() <= normalise::INPUT_BYTES_MAX) => Ok(()),
        // A point or a dash stands for a part that the person does not have.
        Err(NormaliseError::Empty) => Ok(()),
        Ok(_) | Err(NormaliseError::TooLong) => Err("too_long"),
        Err(NormaliseError::Form) => Err("bad_character"),
    }
}

/// The words of a name in normal form; none when nothing is left of it.
#[must_use]
pub fn words(name: &str) -> Vec<String> {
    let normal = normalise::name(name).unwrap_or_default();
    normal.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}
