//! What a registration must be. Pure: what was typed in, what is kept or what is wrong with it out.
//!
//! A fault names the place and the rule, never the value.

use chrono::{Datelike as _, NaiveDate};
use regions::region::Jurisdiction;
use tenancy::blind::normalise;
use tenancy::sealed::Phi;

use super::aadhaar::{looks_like_aadhaar, phone_looks_like_aadhaar};
use super::api::PatientInput;
use super::contact::{self, Address, Email, Phone};
use super::identifier::{Identifier, IdentifierKind};
use super::model::Demographics;
use super::names::HumanName;
use super::{tags, text};
use crate::error::FieldError;

/// Most names of one person.
pub const NAMES_MAX: usize = 5;
/// Most given names in one name.
pub const GIVEN_MAX: usize = 6;
/// Most phones, e-mail addresses or postal addresses, each.
pub const CONTACTS_MAX: usize = 5;
/// Most identifiers.
pub const IDENTIFIERS_MAX: usize = 6;
/// Most lines of a postal address.
const LINES_MAX: usize = 4;
/// Most characters of one part of a name.
const NAME_PART_MAX_CHARS: usize = 100;
/// Most characters of a title.
const PREFIX_MAX_CHARS: usize = 40;
/// Most characters of one part of an address.
const ADDRESS_PART_MAX_CHARS: usize = 120;
/// Most characters of an MRN.
const MRN_MAX_CHARS: usize = 32;
/// Oldest age we take for real; the oldest person on record reached 122.
const AGE_MAX_YEARS: i32 = 130;

/// Where and when a registration is checked.
#[derive(Clone, Copy)]
pub struct Place {
    /// The clinic's jurisdiction: which identifiers it may keep, which country its phone numbers belong to.
    pub jurisdiction: Jurisdiction,
    /// The latest date anywhere on Earth now.
    pub today: NaiveDate,
}

/// Collects faults, so that a person at a counter sees all of them at once.
struct Checker {
    place: Place,
    faults: Vec<FieldError>,
}

/// The registration in normal form.
///
/// # Errors
/// Every broken rule.
pub fn check(input: PatientInput, place: Place) -> Result<Demographics, Vec<FieldError>> {
    let mut checker = Checker { place, faults: Vec::new() };
    let demographics = Demographics {
        names: Phi::new(checker.names(input.names)),
        birth_date: Phi::new(checker.birth_date(input.birth_date)),
        sex: Phi::new(input.sex),
        phones: Phi::new(checker.phones(input.phones)),
        emails: Phi::new(checker.emails(input.emails)),
        addresses: Phi::new(checker.addresses(input.addresses)),
        mrn: Phi::new(checker.mrn(input.mrn)),
        identifiers: Phi::new(checker.identifiers(input.identifiers)),
    };
    if checker.faults.is_empty() { Ok(demographics) } else { Err(checker.faults) }
}

impl Checker {
    fn fault(&mut self, pointer: impl Into<String>, code: &'static str) {
        self.faults.push(FieldError::new(pointer, code));
    }

    /// At most `max` of a list; the rest is a fault and is not looked at.
    fn limited<T>(&mut self, mut list: Vec<T>, pointer: &str, max: usize) -> Vec<T> {
        if list.len() > max {
            self.fault(pointer, "too_many");
            list.truncate(max);
        }
        list
    }

    /// A piece of text in normal form, free of numbers that may not be kept.
    fn text(&mut self, typed: &str, pointer: String, chars_max: usize) -> String {
        if looks_like_aadhaar(typed) {
            self.fault(pointer, "aadhaar_refused");
            return String::new();
        }
        match text::clean(typed, chars_max) {
            Ok(clean) => clean,
            Err(code) => {
                self.fault(pointer, code);
                String::new()
            }
        }
    }

    fn optional(&mut self, typed: Option<String>, pointer: String, chars_max: usize) -> Option<String> {
        typed.map(|typed| self.text(&typed, pointer, chars_max))
    }

    fn names(&mut self, names: Vec<HumanName>) -> Vec<HumanName> {
        if names.is_empty() {
            self.fault("/names", "required");
        }
        let names = self.limited(names, "/names", NAMES_MAX);
        names.into_iter().enumerate().map(|(at, name)| self.name(name, &format!("/names/{at}"))).collect()
    }

    fn name(&mut self, name: HumanName, pointer: &str) -> HumanName {
        if name.given.is_empty() && name.family.is_none() {
            self.fault(pointer, "given_or_family_required");
        }
        // A number split over the parts of a name is still a number.
        if looks_like_aadhaar(&name.line()) {
            self.fault(pointer, "aadhaar_refused");
        }
        let given = self.limited(name.given, &format!("{pointer}/given"), GIVEN_MAX);
        let faults_before = self.faults.len();
        let name = HumanName {
            usage: name.usage,
            prefix: self.optional(name.prefix, format!("{pointer}/prefix"), PREFIX_MAX_CHARS),
            given: given
                .into_iter()
                .enumerate()
                .map(|(at, part)| self.name_part(&part, format!("{pointer}/given/{at}")))
                .collect(),
            family: name.family.map(|part| self.name_part(&part, format!("{pointer}/family"))),
        };
        // One part may be a mere "." for a person with a single name; the whole name may not.
        let typed = name.parts().next().is_some() && self.faults.len() == faults_before;
        if typed && tags::words_of(&name).is_empty() {
            self.fault(pointer, "no_letters");
        }
        name
    }

    /// A part of a name that an index can hold.
    fn name_part(&mut self, typed: &str, pointer: String) -> String {
        let clean = self.text(typed, pointer.clone(), NAME_PART_MAX_CHARS);
        if let Err(code) = tags::check_part(&clean) {
            self.fault(pointer, code);
        }
        clean
    }

    fn birth_date(&mut self, date: NaiveDate) -> NaiveDate {
        let today = self.place.today;
        if date > today {
            self.fault("/birth_date", "in_the_future");
        } else if date.year() < today.year() - AGE_MAX_YEARS {
            self.fault("/birth_date", "not_plausible");
        }
        date
    }

    fn phones(&mut self, phones: Vec<Phone>) -> Vec<Phone> {
        let phones = self.limited(phones, "/phones", CONTACTS_MAX);
        let home = self.place.jurisdiction;
        let normal = phones.into_iter().enumerate().map(|(at, phone)| {
            if phone_looks_like_aadhaar(&phone.value) {
                self.fault(format!("/phones/{at}/value"), "aadhaar_refused");
                return Phone { value: String::new(), usage: phone.usage };
            }
            let value = contact::e164(&phone.value, home).unwrap_or_else(|code| {
                self.fault(format!("/phones/{at}/value"), code);
                String::new()
            });
            Phone { value, usage: phone.usage }
        });
        normal.collect()
    }

    fn emails(&mut self, emails: Vec<Email>) -> Vec<Email> {
        let emails = self.limited(emails, "/emails", CONTACTS_MAX);
        let normal = emails.into_iter().enumerate().map(|(at, email)| {
            let pointer = format!("/emails/{at}/value");
            if looks_like_aadhaar(&email.value) {
                self.fault(pointer.clone(), "aadhaar_refused");
            }
            let value = contact::email(&email.value).unwrap_or_else(|code| {
                self.fault(pointer, code);
                String::new()
            });
            Email { value, usage: email.usage }
        });
        normal.collect()
    }

    fn addresses(&mut self, addresses: Vec<Address>) -> Vec<Address> {
        let addresses = self.limited(addresses, "/addresses", CONTACTS_MAX);
        addresses
            .into_iter()
            .enumerate()
            .map(|(at, one)| self.address(one, &format!("/addresses/{at}")))
            .collect()
    }

    fn address(&mut self, address: Address, at: &str) -> Address {
        let lines = self.limited(address.lines, &format!("{at}/lines"), LINES_MAX);
        if lines.is_empty() && address.city.is_none() && address.postal_code.is_none() {
            self.fault(at, "empty");
        }
        // A number split over neighbouring lines is still a number.
        if looks_like_aadhaar(&lines.join(" ")) {
            self.fault(format!("{at}/lines"), "aadhaar_refused");
        }
        let max = ADDRESS_PART_MAX_CHARS;
        let lines = lines.into_iter().enumerate();
        Address {
            usage: address.usage,
            lines: lines.map(|(n, line)| self.text(&line, format!("{at}/lines/{n}"), max)).collect(),
            city: self.optional(address.city, format!("{at}/city"), max),
            district: self.optional(address.district, format!("{at}/district"), max),
            state: self.optional(address.state, format!("{at}/state"), max),
            postal_code: self.optional(address.postal_code, format!("{at}/postal_code"), max),
            country: address.country.map(|code| self.country(&code, format!("{at}/country"))),
        }
    }

    fn country(&mut self, code: &str, pointer: String) -> String {
        let code = code.trim().to_ascii_uppercase();
        if code.len() != 2 || !code.bytes().all(|b| b.is_ascii_uppercase()) {
            self.fault(pointer, "country_invalid");
        }
        code
    }

    fn mrn(&mut self, mrn: Option<String>) -> Option<String> {
        let mrn = self.text(&mrn?, "/mrn".to_owned(), MRN_MAX_CHARS).to_uppercase();
        let fits = mrn.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '/' | '.' | ' ' | '_'));
        if !fits || (!mrn.is_empty() && normalise::mrn(&mrn).is_err()) {
            self.fault("/mrn", "mrn_invalid");
        }
        Some(mrn)
    }

    fn identifiers(&mut self, identifiers: Vec<Identifier>) -> Vec<Identifier> {
        let identifiers = self.limited(identifiers, "/identifiers", IDENTIFIERS_MAX);
        let mut kept: Vec<Identifier> = Vec::new();
        for (at, identifier) in identifiers.into_iter().enumerate() {
            match self.identifier(&identifier, &kept) {
                Ok(normal) => kept.push(normal),
                Err(code) => self.fault(format!("/identifiers/{at}"), code),
            }
        }
        kept
    }

    fn identifier(&self, identifier: &Identifier, kept: &[Identifier]) -> Result<Identifier, &'static str> {
        // A US plan may number its members with twelve digits, one in ten of which would pass Aadhaar's checksum; nobody
        // keeps an Aadhaar number there. Everywhere else the rule holds.
        if identifier.kind != IdentifierKind::InsuranceMemberId && looks_like_aadhaar(&identifier.value) {
            return Err("aadhaar_refused");
        }
        if !identifier.kind.belongs_to(self.place.jurisdiction) {
            return Err("not_kept_in_this_region");
        }
        let normal = identifier.normal()?;
        if kept.contains(&normal) || (normal.kind.single() && kept.iter().any(|one| one.kind == normal.kind))
        {
            return Err("repeated");
        }
        Ok(normal)
    }
}

/// Puts the values back that came masked: the caller read a masked record and sends it back corrected elsewhere.
///
/// Two identifiers can look alike when masked. They are put back in their order when as many masks came as there are
/// such identifiers; when one of them is missing, nobody can tell which one was meant.
///
/// # Errors
/// `mask_ambiguous` for every mask that could mean more than one identifier.
pub fn unmask(incoming: &mut [Identifier], current: &[Identifier]) -> Result<(), Vec<FieldError>> {
    // More than may be kept are a fault anyway and are not looked at.
    let incoming = incoming.get_mut(..IDENTIFIERS_MAX.min(incoming.len())).unwrap_or_default();
    let masks: Vec<Identifier> = incoming.iter().filter(|one| one.is_masked()).cloned().collect();
    let mut used: Vec<Identifier> = Vec::new();
    let mut faults = Vec::new();
    for (at, one) in incoming.iter_mut().enumerate().filter(|(_, one)| one.is_masked()) {
        let fitting: Vec<&Identifier> = current.iter().filter(|known| known.masked() == *one).collect();
        let alike = masks.iter().filter(|mask| *mask == one).count();
        let nth = used.iter().filter(|mask| *mask == one).count();
        used.push(one.clone());
        match fitting.as_slice() {
            // Not a mask of this record; the rule of its kind will refuse it.
            [] => {}
            [known] => one.value.clone_from(&known.value),
            several if several.len() == alike => {
                if let Some(known) = several.get(nth) {
                    one.value.clone_from(&known.value);
                }
            }
            _ => faults.push(FieldError::new(format!("/identifiers/{at}"), "mask_ambiguous")),
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}
