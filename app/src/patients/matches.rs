//! Whether somebody who is about to be registered is there already: one question in place of a search by each thing that tells
//! people apart.
//!
//! It finds nobody whom a search for the same value would not find: the same tags, the same reach, the same fields of the role.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use actix_web::HttpResponse;
use serde::Serialize;
use tenancy::TenantTx;
use tenancy::keys::Purpose;
use utoipa::ToSchema;
use uuid::Uuid;

use super::api::{PatientInput, brief, counted, place, shown, to_json};
use super::model::{Demographics, field_bits};
use super::tags::{Tag, Tagger};
use super::view::BriefView;
use super::{queries, rules};
use crate::call::{Call, Done};
use crate::ctx::Ctx;
use crate::error::{AppError, FORBIDDEN};
use crate::middleware::json::Json;
use crate::store::StoreError;

/// Most patients in one answer; who is like more people than that is told apart by something else.
const MATCHES_MAX: usize = 10;
/// Most tags that are looked up for one likeness. The most that the rules of a registration leave are seven for each of five
/// names.
const TAGS_MAX: usize = 40;
/// Most carried tags that are looked at for one likeness: a phone may be a whole village's.
const CARRIED_MAX: i64 = 200;

/// What is the same in two records; the surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Likeness {
    /// The medical record number.
    Mrn,
    /// An identifier; of a Social Security number the last four digits and the birth date.
    Identifier,
    /// A name and the birth date.
    NameBirthDate,
    /// A phone.
    Phone,
    /// An e-mail address.
    Email,
}

/// Somebody who may be the same person.
#[derive(Serialize, ToSchema)]
pub struct MatchView<'a> {
    /// Who it is, as a search shows it.
    patient: BriefView<'a>,
    /// What is the same, the surest first.
    same: Vec<Likeness>,
}

/// Who may be the same person.
#[derive(Serialize, ToSchema)]
pub struct Matches<'a> {
    /// At most ten, the likeliest first.
    items: Vec<MatchView<'a>>,
}

/// Looks whether somebody who is about to be registered is there already.
#[utoipa::path(post, path = "/api/v1/patients/matches", tag = "patients", operation_id = "patient.match",
    request_body = PatientInput,
    responses((status = 200, body = Matches<'static>, description = "Who may be the same person"),
        (status = 400, body = crate::error::Problem, content_type = "application/problem+json", description = "A rule of registrations is broken")))]
pub async fn look(call: Call, Json(input): Json<PatientInput>) -> Result<HttpResponse, AppError> {
    let json = call
        .staff(async |ctx, tx| {
            let person = rules::check(input, place(ctx)).map_err(AppError::invalid)?;
            // Who is not shown a field does not find out by looking for what is in it.
            if looks_at(&person) & !shown(ctx) != 0 {
                return Err(AppError::from(FORBIDDEN).denied("criterion"));
            }
            let found = alike(ctx, tx, &person).await?;
            let ids: Vec<Uuid> = found.iter().map(|(id, _)| *id).collect();
            let briefs = queries::briefs(tx, &ctx.keys, &ids).await?;
            let items = briefs
                .iter()
                .map(|one| {
                    let same = found.iter().find(|(id, _)| *id == one.id.uuid()).map(|(_, same)| same);
                    MatchView {
                        patient: brief(ctx, one, None),
                        same: same.into_iter().flatten().copied().collect(),
                    }
                })
                .collect();
            Done::audited(to_json(&Matches { items })?, counted(ctx, &call, briefs.len()))
        })
        .await?;
    Ok(HttpResponse::Ok().content_type("application/json").body(json.to_vec()))
}

/// The fields that are compared.
fn looks_at(person: &Demographics) -> u64 {
    let given = [
        (field_bits::MRN, person.mrn.expose().is_some()),
        (field_bits::IDENTIFIERS, !person.identifiers.expose().is_empty()),
        (field_bits::PHONES, !person.phones.expose().is_empty()),
        (field_bits::EMAILS, !person.emails.expose().is_empty()),
    ];
    let always = field_bits::NAMES | field_bits::BIRTH_DATE;
    given.into_iter().filter(|(_, given)| *given).fold(always, |fields, (bit, _)| fields | bit)
}

/// The patients within the caller's reach who are like a person, the likeliest first.
async fn alike(
    ctx: &Ctx,
    tx: &mut TenantTx,
    person: &Demographics,
) -> Result<Vec<(Uuid, BTreeSet<Likeness>)>, AppError> {
    let key = ctx.keys.tenant_key(tx.tenant(), Purpose::BlindIndex).await?;
    let tagger = Tagger { key: &key, jurisdiction: ctx.clinic.jurisdiction };
    let mut found: BTreeMap<Uuid, BTreeSet<Likeness>> = BTreeMap::new();
    for (likeness, tags) in telling(&tagger, person)? {
        let tags: Vec<Tag> = tags.into_iter().take(TAGS_MAX).collect();
        if tags.is_empty() {
            continue;
        }
        for id in queries::with_any_tag(tx, ctx.within(), &tags, CARRIED_MAX).await? {
            found.entry(id).or_default().insert(likeness);
        }
    }
    let mut found: Vec<(Uuid, BTreeSet<Likeness>)> = found.into_iter().collect();
    found.sort_by_key(|(_, same)| (same.first().copied(), Reverse(same.len())));
    found.truncate(MATCHES_MAX);
    Ok(found)
}

/// The tags of one likeness.
type Tags = BTreeSet<Tag>;

/// The tags by which a person is told from others, as searches ask for them.
fn telling(tagger: &Tagger<'_>, person: &Demographics) -> Result<[(Likeness, Tags); 5], StoreError> {
    let born = *person.birth_date.expose();
    let mrn = person.mrn.expose().iter().map(|mrn| tagger.mrn(mrn));
    let identifiers = person.identifiers.expose().iter().map(|one| tagger.identifier(one, Some(born)));
    let phones = person.phones.expose().iter().map(|phone| tagger.phone(&phone.value));
    let emails = person.emails.expose().iter().map(|email| tagger.email(&email.value));
    let mut names = Tags::new();
    for name in person.names.expose() {
        names.extend(tagger.whole_names(name, born)?);
    }
    Ok([
        (Likeness::Mrn, mrn.collect::<Result<Tags, _>>()?),
        (Likeness::Identifier, identifiers.collect::<Result<Tags, _>>()?),
        (Likeness::NameBirthDate, names),
        (Likeness::Phone, phones.collect::<Result<Tags, _>>()?),
        (Likeness::Email, emails.collect::<Result<Tags, _>>()?),
    ])
}
