// Generated from the committed OpenAPI document by scripts/generate.ts; do not edit.
import * as v from 'valibot';
import { operation } from './operation.ts';

export const AcceptInput = /* @__PURE__ */ v.object({
  display_name: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  password: /* @__PURE__ */ v.string(),
  token: /* @__PURE__ */ v.string(),
});
export type AcceptInput = v.InferOutput<typeof AcceptInput>;
export const ContactUse = /* @__PURE__ */ v.picklist(['home', 'work', 'mobile', 'temporary', 'old']);
export type ContactUse = v.InferOutput<typeof ContactUse>;
export const Address = /* @__PURE__ */ v.object({
  city: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  country: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  district: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  lines: /* @__PURE__ */ v.optional(/* @__PURE__ */ v.array(/* @__PURE__ */ v.string())),
  postal_code: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  state: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  use: /* @__PURE__ */ v.nullish(ContactUse),
});
export type Address = v.InferOutput<typeof Address>;
export const IdentifierKind = /* @__PURE__ */ v.picklist(['ssn_last4', 'insurance_member_id', 'abha_number', 'abha_address']);
export type IdentifierKind = v.InferOutput<typeof IdentifierKind>;
export const Identifier = /* @__PURE__ */ v.object({
  kind: IdentifierKind,
  value: /* @__PURE__ */ v.string(),
});
export type Identifier = v.InferOutput<typeof Identifier>;
export const BriefView = /* @__PURE__ */ v.object({
  birth_date: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  id: /* @__PURE__ */ v.string(),
  identifiers: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.array(Identifier)),
  mrn: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  name: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
});
export type BriefView = v.InferOutput<typeof BriefView>;
export const Role = /* @__PURE__ */ v.picklist(['clinic_admin', 'physician', 'nurse', 'receptionist', 'lab_technician', 'billing', 'privacy_officer', 'patient', 'proxy', 'machine_client']);
export type Role = v.InferOutput<typeof Role>;
export const MemberView = /* @__PURE__ */ v.object({
  account: /* @__PURE__ */ v.string(),
  display_name: /* @__PURE__ */ v.string(),
  from: /* @__PURE__ */ v.string(),
  role: Role,
  until: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
});
export type MemberView = v.InferOutput<typeof MemberView>;
export const CareTeam = /* @__PURE__ */ v.object({
  items: /* @__PURE__ */ v.array(MemberView),
});
export type CareTeam = v.InferOutput<typeof CareTeam>;
export const Email = /* @__PURE__ */ v.object({
  use: /* @__PURE__ */ v.nullish(ContactUse),
  value: /* @__PURE__ */ v.string(),
});
export type Email = v.InferOutput<typeof Email>;
export const Phone = /* @__PURE__ */ v.object({
  use: /* @__PURE__ */ v.nullish(ContactUse),
  value: /* @__PURE__ */ v.string(),
});
export type Phone = v.InferOutput<typeof Phone>;
export const ContactInput = /* @__PURE__ */ v.object({
  addresses: /* @__PURE__ */ v.array(Address),
  emails: /* @__PURE__ */ v.array(Email),
  phones: /* @__PURE__ */ v.array(Phone),
});
export type ContactInput = v.InferOutput<typeof ContactInput>;
export const FactorInput = /* @__PURE__ */ v.union([/* @__PURE__ */ v.object({
  totp: /* @__PURE__ */ v.string(),
}), /* @__PURE__ */ v.object({
  recovery_code: /* @__PURE__ */ v.string(),
})]);
export type FactorInput = v.InferOutput<typeof FactorInput>;
export const FactorsView = /* @__PURE__ */ v.object({
  recovery_codes_left: /* @__PURE__ */ v.number(),
  totp_since: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
});
export type FactorsView = v.InferOutput<typeof FactorsView>;
export const FieldError = /* @__PURE__ */ v.object({
  code: /* @__PURE__ */ v.string(),
  pointer: /* @__PURE__ */ v.string(),
});
export type FieldError = v.InferOutput<typeof FieldError>;
export const NameUse = /* @__PURE__ */ v.picklist(['official', 'usual', 'maiden', 'nickname', 'old']);
export type NameUse = v.InferOutput<typeof NameUse>;
export const HumanName = /* @__PURE__ */ v.object({
  family: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  given: /* @__PURE__ */ v.optional(/* @__PURE__ */ v.array(/* @__PURE__ */ v.string())),
  prefix: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  use: /* @__PURE__ */ v.optional(NameUse),
});
export type HumanName = v.InferOutput<typeof HumanName>;
export const InviteInput = /* @__PURE__ */ v.object({
  display_name: /* @__PURE__ */ v.string(),
  email: /* @__PURE__ */ v.string(),
  role: Role,
});
export type InviteInput = v.InferOutput<typeof InviteInput>;
export const InvitedView = /* @__PURE__ */ v.object({
  account: /* @__PURE__ */ v.string(),
  state: /* @__PURE__ */ v.string(),
});
export type InvitedView = v.InferOutput<typeof InvitedView>;
export const JoinInput = /* @__PURE__ */ v.object({
  account: /* @__PURE__ */ v.string(),
  from: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  until: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
});
export type JoinInput = v.InferOutput<typeof JoinInput>;
export const LeaveInput = /* @__PURE__ */ v.object({
  account: /* @__PURE__ */ v.string(),
});
export type LeaveInput = v.InferOutput<typeof LeaveInput>;
export const MeView = /* @__PURE__ */ v.object({
  account: /* @__PURE__ */ v.string(),
  clinic: /* @__PURE__ */ v.string(),
  display_name: /* @__PURE__ */ v.string(),
  email: /* @__PURE__ */ v.string(),
  region: /* @__PURE__ */ v.string(),
  role: Role,
});
export type MeView = v.InferOutput<typeof MeView>;
export const ReasonCode = /* @__PURE__ */ v.picklist(['emergency', 'covering', 'safety']);
export type ReasonCode = v.InferOutput<typeof ReasonCode>;
export const OpenReview = /* @__PURE__ */ v.object({
  account: /* @__PURE__ */ v.string(),
  id: /* @__PURE__ */ v.string(),
  overdue: /* @__PURE__ */ v.boolean(),
  patient: /* @__PURE__ */ v.string(),
  reason: /* @__PURE__ */ v.string(),
  reason_code: ReasonCode,
  started_at: /* @__PURE__ */ v.string(),
  until: /* @__PURE__ */ v.string(),
});
export type OpenReview = v.InferOutput<typeof OpenReview>;
export const OpenReviews = /* @__PURE__ */ v.object({
  items: /* @__PURE__ */ v.array(OpenReview),
  next_cursor: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
});
export type OpenReviews = v.InferOutput<typeof OpenReviews>;
export const Sex = /* @__PURE__ */ v.picklist(['female', 'male', 'other', 'unknown']);
export type Sex = v.InferOutput<typeof Sex>;
export const PatientInput = /* @__PURE__ */ v.object({
  addresses: /* @__PURE__ */ v.optional(/* @__PURE__ */ v.array(Address)),
  birth_date: /* @__PURE__ */ v.string(),
  emails: /* @__PURE__ */ v.optional(/* @__PURE__ */ v.array(Email)),
  identifiers: /* @__PURE__ */ v.optional(/* @__PURE__ */ v.array(Identifier)),
  mrn: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  names: /* @__PURE__ */ v.array(HumanName),
  phones: /* @__PURE__ */ v.optional(/* @__PURE__ */ v.array(Phone)),
  sex: Sex,
});
export type PatientInput = v.InferOutput<typeof PatientInput>;
export const PatientPage = /* @__PURE__ */ v.object({
  items: /* @__PURE__ */ v.array(BriefView),
  next_cursor: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
});
export type PatientPage = v.InferOutput<typeof PatientPage>;
export const PatientView = /* @__PURE__ */ v.object({
  addresses: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.array(Address)),
  age_years: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.number()),
  birth_date: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  created_at: /* @__PURE__ */ v.string(),
  emails: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.array(Email)),
  id: /* @__PURE__ */ v.string(),
  identifiers: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.array(Identifier)),
  mrn: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  names: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.array(HumanName)),
  phones: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.array(Phone)),
  sex: /* @__PURE__ */ v.nullish(Sex),
  updated_at: /* @__PURE__ */ v.string(),
  version: /* @__PURE__ */ v.number(),
});
export type PatientView = v.InferOutput<typeof PatientView>;
export const Problem = /* @__PURE__ */ v.object({
  code: /* @__PURE__ */ v.string(),
  errors: /* @__PURE__ */ v.optional(/* @__PURE__ */ v.array(FieldError)),
  instance: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  status: /* @__PURE__ */ v.number(),
  title: /* @__PURE__ */ v.string(),
  type: /* @__PURE__ */ v.string(),
});
export type Problem = v.InferOutput<typeof Problem>;
export const RecoveryCodesView = /* @__PURE__ */ v.object({
  recovery_codes: /* @__PURE__ */ v.array(/* @__PURE__ */ v.string()),
});
export type RecoveryCodesView = v.InferOutput<typeof RecoveryCodesView>;
export const ResetView = /* @__PURE__ */ v.object({
  state: /* @__PURE__ */ v.string(),
});
export type ResetView = v.InferOutput<typeof ResetView>;
export const Verdict = /* @__PURE__ */ v.picklist(['justified', 'violation']);
export type Verdict = v.InferOutput<typeof Verdict>;
export const ReviewInput = /* @__PURE__ */ v.object({
  note: /* @__PURE__ */ v.string(),
  verdict: Verdict,
});
export type ReviewInput = v.InferOutput<typeof ReviewInput>;
export const RoleInput = /* @__PURE__ */ v.object({
  role: Role,
});
export type RoleInput = v.InferOutput<typeof RoleInput>;
export const SearchInput = /* @__PURE__ */ v.object({
  birth_date: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  email: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  identifier: /* @__PURE__ */ v.nullish(Identifier),
  limit: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.number()),
  mrn: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  name: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  name_starts_with: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  phone: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
});
export type SearchInput = v.InferOutput<typeof SearchInput>;
export const SearchResult = /* @__PURE__ */ v.object({
  items: /* @__PURE__ */ v.array(BriefView),
  more: /* @__PURE__ */ v.boolean(),
});
export type SearchResult = v.InferOutput<typeof SearchResult>;
export const SecondFactor = /* @__PURE__ */ v.picklist(['enrol', 'prove', 'proven']);
export type SecondFactor = v.InferOutput<typeof SecondFactor>;
export const SessionView = /* @__PURE__ */ v.object({
  account: /* @__PURE__ */ v.string(),
  csrf_token: /* @__PURE__ */ v.string(),
  expires_at: /* @__PURE__ */ v.string(),
  factor_at: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  role: Role,
  second_factor: SecondFactor,
});
export type SessionView = v.InferOutput<typeof SessionView>;
export const SignInInput = /* @__PURE__ */ v.object({
  email: /* @__PURE__ */ v.string(),
  password: /* @__PURE__ */ v.string(),
});
export type SignInInput = v.InferOutput<typeof SignInInput>;
export const SiteInput = /* @__PURE__ */ v.object({
  name: /* @__PURE__ */ v.string(),
});
export type SiteInput = v.InferOutput<typeof SiteInput>;
export const SiteView = /* @__PURE__ */ v.object({
  id: /* @__PURE__ */ v.string(),
  name: /* @__PURE__ */ v.string(),
});
export type SiteView = v.InferOutput<typeof SiteView>;
export const SiteList = /* @__PURE__ */ v.object({
  items: /* @__PURE__ */ v.array(SiteView),
});
export type SiteList = v.InferOutput<typeof SiteList>;
export const SitesInput = /* @__PURE__ */ v.object({
  sites: /* @__PURE__ */ v.array(/* @__PURE__ */ v.string()),
});
export type SitesInput = v.InferOutput<typeof SitesInput>;
export const StaffView = /* @__PURE__ */ v.object({
  account: /* @__PURE__ */ v.string(),
  created_at: /* @__PURE__ */ v.string(),
  display_name: /* @__PURE__ */ v.string(),
  email: /* @__PURE__ */ v.string(),
  locked: /* @__PURE__ */ v.boolean(),
  role: Role,
  state: /* @__PURE__ */ v.string(),
});
export type StaffView = v.InferOutput<typeof StaffView>;
export const StaffPage = /* @__PURE__ */ v.object({
  items: /* @__PURE__ */ v.array(StaffView),
  next_cursor: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
});
export type StaffPage = v.InferOutput<typeof StaffPage>;
export const StartInput = /* @__PURE__ */ v.object({
  minutes: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.number()),
  mrn: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  patient: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  reason: /* @__PURE__ */ v.string(),
  reason_code: ReasonCode,
});
export type StartInput = v.InferOutput<typeof StartInput>;
export const StartedView = /* @__PURE__ */ v.object({
  expires_at: /* @__PURE__ */ v.string(),
  id: /* @__PURE__ */ v.string(),
  patient: /* @__PURE__ */ v.string(),
});
export type StartedView = v.InferOutput<typeof StartedView>;
export const TotpConfirmInput = /* @__PURE__ */ v.object({
  totp: /* @__PURE__ */ v.string(),
});
export type TotpConfirmInput = v.InferOutput<typeof TotpConfirmInput>;
export const TotpEnrolledView = /* @__PURE__ */ v.object({
  recovery_codes: /* @__PURE__ */ v.array(/* @__PURE__ */ v.string()),
  session: SessionView,
});
export type TotpEnrolledView = v.InferOutput<typeof TotpEnrolledView>;
export const TotpSecretView = /* @__PURE__ */ v.object({
  expires_at: /* @__PURE__ */ v.string(),
  secret: /* @__PURE__ */ v.string(),
  uri: /* @__PURE__ */ v.string(),
});
export type TotpSecretView = v.InferOutput<typeof TotpSecretView>;
/** Pages through emergencies that nobody has reviewed. */
export const breakGlassList = /* @__PURE__ */ operation<undefined, OpenReviews>('break_glass.list', 'GET', '/api/v1/break-glass', OpenReviews);
/** Starts emergency access to one patient who is not the caller's. */
export const breakGlassStart = /* @__PURE__ */ operation<StartInput, StartedView>('break_glass.start', 'POST', '/api/v1/break-glass', StartedView);
/** Ends the caller's own emergency access before its time. */
export const breakGlassEnd = /* @__PURE__ */ operation<undefined, undefined>('break_glass.end', 'POST', '/api/v1/break-glass/{id}/end');
/** Reviews somebody else's emergency access; it stays open until this is done. */
export const breakGlassReview = /* @__PURE__ */ operation<ReviewInput, undefined>('break_glass.review', 'POST', '/api/v1/break-glass/{id}/review');
/** Turns an invitation into an active account with a password. The token works once. */
export const invitationAccept = /* @__PURE__ */ operation<AcceptInput, undefined>('invitation.accept', 'POST', '/api/v1/invitations/accept');
/** The own account. */
export const meRead = /* @__PURE__ */ operation<undefined, MeView>('me.read', 'GET', '/api/v1/me', MeView);
/** The own factors. */
export const factorList = /* @__PURE__ */ operation<undefined, FactorsView>('factor.list', 'GET', '/api/v1/me/factors', FactorsView);
/** Makes ten new recovery codes; the ones before are void. */
export const recoveryRenew = /* @__PURE__ */ operation<undefined, RecoveryCodesView>('recovery.renew', 'POST', '/api/v1/me/factors/recovery-codes', RecoveryCodesView);
/** Begins to enrol an authenticator app. What was enrolled before stays in force until the new one's first code. An account
that has a factor must have proven it within five minutes. */
export const totpEnrol = /* @__PURE__ */ operation<undefined, TotpSecretView>('totp.enrol', 'POST', '/api/v1/me/factors/totp', TotpSecretView);
/** Puts an authenticator app in force with its first code, which counts as proven and works no second time. */
export const totpConfirm = /* @__PURE__ */ operation<TotpConfirmInput, TotpEnrolledView>('totp.confirm', 'POST', '/api/v1/me/factors/totp/confirm', TotpEnrolledView);
/** Reads the API description. It needs no session and says nothing about the clinic. */
export const apiDescribe = /* @__PURE__ */ operation<undefined, undefined>('api.describe', 'GET', '/api/v1/openapi.json');
/** Pages through the clinic's patients. */
export const patientList = /* @__PURE__ */ operation<undefined, PatientPage>('patient.list', 'GET', '/api/v1/patients', PatientPage);
/** Registers a patient. */
export const patientCreate = /* @__PURE__ */ operation<PatientInput, PatientView>('patient.create', 'POST', '/api/v1/patients', PatientView);
/** Searches the clinic's patients by exactly one criterion. */
export const patientSearch = /* @__PURE__ */ operation<SearchInput, SearchResult>('patient.search', 'POST', '/api/v1/patients/search', SearchResult);
/** Reads a patient. */
export const patientRead = /* @__PURE__ */ operation<undefined, PatientView>('patient.read', 'GET', '/api/v1/patients/{id}', PatientView);
/** Corrects a patient: the body replaces the record of the version that `If-Match` names. */
export const patientUpdate = /* @__PURE__ */ operation<PatientInput, PatientView>('patient.update', 'PUT', '/api/v1/patients/{id}', PatientView);
/** Who treats a patient. */
export const careTeamRead = /* @__PURE__ */ operation<undefined, CareTeam>('care_team.read', 'GET', '/api/v1/patients/{id}/care-team', CareTeam);
/** Adds a physician or nurse to a patient's care team. Adding a member again changes nothing. */
export const careTeamJoin = /* @__PURE__ */ operation<JoinInput, undefined>('care_team.join', 'POST', '/api/v1/patients/{id}/care-team');
/** Ends a membership of a patient's care team, from the next request on. */
export const careTeamLeave = /* @__PURE__ */ operation<LeaveInput, undefined>('care_team.leave', 'POST', '/api/v1/patients/{id}/care-team/end');
/** Corrects how a patient is reached, and nothing else of the record. */
export const patientContact = /* @__PURE__ */ operation<ContactInput, PatientView>('patient.contact', 'PUT', '/api/v1/patients/{id}/contact', PatientView);
/** Registers a patient at these sites and at no other. */
export const patientSites = /* @__PURE__ */ operation<SitesInput, undefined>('patient.sites', 'PUT', '/api/v1/patients/{id}/sites');
/** Signs in with a password, which opens a session of ten minutes: enough to prove a second factor or to enrol the first.
Every failure has one answer and takes as long as any other. */
export const sessionCreate = /* @__PURE__ */ operation<SignInInput, SessionView>('session.create', 'POST', '/api/v1/sessions', SessionView);
/** The own session, with its token against cross-site requests. */
export const sessionRead = /* @__PURE__ */ operation<undefined, SessionView>('session.read', 'GET', '/api/v1/sessions/current', SessionView);
/** Signs out: the session ends here and the browser is told to forget what it kept. */
export const sessionEnd = /* @__PURE__ */ operation<undefined, undefined>('session.end', 'DELETE', '/api/v1/sessions/current');
/** Proves a second factor: finishes a sign-in, and steps an older session up. The session gets a new token; the cookie and
the CSRF token before it are worth nothing any more. After five wrong codes the session ends. */
export const sessionProve = /* @__PURE__ */ operation<FactorInput, SessionView>('session.prove', 'POST', '/api/v1/sessions/current/factor', SessionView);
/** Where the clinic works. */
export const siteList = /* @__PURE__ */ operation<undefined, SiteList>('site.list', 'GET', '/api/v1/sites', SiteList);
/** Adds a site. */
export const siteCreate = /* @__PURE__ */ operation<SiteInput, SiteView>('site.create', 'POST', '/api/v1/sites', SiteView);
/** Pages through the clinic's staff. */
export const staffList = /* @__PURE__ */ operation<undefined, StaffPage>('staff.list', 'GET', '/api/v1/staff', StaffPage);
/** Invites a staff member; the mail goes out by the region's worker. Somebody who has not accepted yet is invited again:
what was sent before is worth nothing then. */
export const staffInvite = /* @__PURE__ */ operation<InviteInput, InvitedView>('staff.invite', 'POST', '/api/v1/staff', InvitedView);
/** Closes a staff member's account and ends its sessions. */
export const staffDeactivate = /* @__PURE__ */ operation<undefined, undefined>('staff.deactivate', 'POST', '/api/v1/staff/{id}/deactivate');
/** Takes a colleague's lost factors and ends their sessions; they enrol new ones at their next sign-in and are told by
mail. For those who could do it to others, a second person must ask for the same within 24 hours. */
export const factorReset = /* @__PURE__ */ operation<undefined, ResetView>('factor.reset', 'POST', '/api/v1/staff/{id}/factors/reset', ResetView);
/** Opens a closed account again. Its owner signs in anew. */
export const staffReactivate = /* @__PURE__ */ operation<undefined, undefined>('staff.reactivate', 'POST', '/api/v1/staff/{id}/reactivate');
/** Gives a staff member another role. */
export const staffRole = /* @__PURE__ */ operation<RoleInput, undefined>('staff.role', 'PUT', '/api/v1/staff/{id}/role');
/** Has a staff member work at these sites and at no other, from the next request on. */
export const staffSites = /* @__PURE__ */ operation<SitesInput, undefined>('staff.sites', 'PUT', '/api/v1/staff/{id}/sites');
/** Opens an account again that takes no password after too many wrong ones. */
export const staffUnlock = /* @__PURE__ */ operation<undefined, undefined>('staff.unlock', 'POST', '/api/v1/staff/{id}/unlock');
