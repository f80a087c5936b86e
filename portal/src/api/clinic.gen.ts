// Generated from the committed OpenAPI document by scripts/generate.ts; do not edit.
import * as v from 'valibot';
import { operation } from './operation.ts';

export const About = /* @__PURE__ */ v.picklist(['everything', 'patient', 'actor', 'denied', 'break_glass', 'disclosures']);
export type About = v.InferOutput<typeof About>;
export const AcceptInput = /* @__PURE__ */ v.object({
  display_name: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  password: /* @__PURE__ */ v.string(),
  token: /* @__PURE__ */ v.string(),
});
export type AcceptInput = v.InferOutput<typeof AcceptInput>;
export const AccessBy = /* @__PURE__ */ v.picklist(['staff', 'patient', 'proxy', 'client', 'platform', 'system', 'anonymous']);
export type AccessBy = v.InferOutput<typeof AccessBy>;
export const AccessOutcome = /* @__PURE__ */ v.picklist(['done', 'refused', 'failed']);
export type AccessOutcome = v.InferOutput<typeof AccessOutcome>;
export const AccessPurpose = /* @__PURE__ */ v.picklist(['treatment', 'payment', 'operations', 'emergency', 'upkeep']);
export type AccessPurpose = v.InferOutput<typeof AccessPurpose>;
export const Role = /* @__PURE__ */ v.picklist(['clinic_admin', 'physician', 'nurse', 'receptionist', 'lab_technician', 'billing', 'privacy_officer', 'patient', 'proxy', 'machine_client']);
export type Role = v.InferOutput<typeof Role>;
export const AccessLine = /* @__PURE__ */ v.object({
  at: /* @__PURE__ */ v.string(),
  by: AccessBy,
  did: /* @__PURE__ */ v.string(),
  name: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  outcome: AccessOutcome,
  purpose: /* @__PURE__ */ v.nullish(AccessPurpose),
  role: /* @__PURE__ */ v.nullish(Role),
  sentence: /* @__PURE__ */ v.string(),
});
export type AccessLine = v.InferOutput<typeof AccessLine>;
export const AccessReport = /* @__PURE__ */ v.object({
  items: /* @__PURE__ */ v.array(AccessLine),
  next_cursor: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
});
export type AccessReport = v.InferOutput<typeof AccessReport>;
export const DisclosurePurpose = /* @__PURE__ */ v.picklist(['required_by_law', 'public_health', 'abuse_report', 'health_oversight', 'judicial', 'law_enforcement', 'decedent', 'organ_donation', 'research', 'threat_to_safety', 'government', 'workers_compensation', 'authorised', 'treatment', 'payment', 'impermissible', 'other']);
export type DisclosurePurpose = v.InferOutput<typeof DisclosurePurpose>;
export const DisclosureView = /* @__PURE__ */ v.object({
  address: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  description: /* @__PURE__ */ v.string(),
  disclosed_on: /* @__PURE__ */ v.string(),
  id: /* @__PURE__ */ v.string(),
  last_on: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  purpose: DisclosurePurpose,
  recipient: /* @__PURE__ */ v.string(),
  recorded_at: /* @__PURE__ */ v.string(),
  recorded_by: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  statement: /* @__PURE__ */ v.string(),
  times: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.number()),
  withheld_until: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
});
export type DisclosureView = v.InferOutput<typeof DisclosureView>;
export const Accounting = /* @__PURE__ */ v.object({
  complete: /* @__PURE__ */ v.boolean(),
  from: /* @__PURE__ */ v.string(),
  items: /* @__PURE__ */ v.array(DisclosureView),
  next_cursor: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
});
export type Accounting = v.InferOutput<typeof Accounting>;
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
export const ApplicationView = /* @__PURE__ */ v.object({
  id: /* @__PURE__ */ v.string(),
  name: /* @__PURE__ */ v.string(),
  scope: /* @__PURE__ */ v.array(/* @__PURE__ */ v.string()),
});
export type ApplicationView = v.InferOutput<typeof ApplicationView>;
export const AssertionResponse = /* @__PURE__ */ v.object({
  authenticatorData: /* @__PURE__ */ v.string(),
  clientDataJSON: /* @__PURE__ */ v.string(),
  signature: /* @__PURE__ */ v.string(),
  userHandle: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
});
export type AssertionResponse = v.InferOutput<typeof AssertionResponse>;
export const AssertionInput = /* @__PURE__ */ v.object({
  id: /* @__PURE__ */ v.string(),
  response: AssertionResponse,
});
export type AssertionInput = v.InferOutput<typeof AssertionInput>;
export const AuditSearch = /* @__PURE__ */ v.object({
  about: About,
  cursor: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  from: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  id: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  limit: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.number()),
  until: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
});
export type AuditSearch = v.InferOutput<typeof AuditSearch>;
export const CheckpointView = /* @__PURE__ */ v.object({
  root: /* @__PURE__ */ v.string(),
  sealed_at: /* @__PURE__ */ v.string(),
  size: /* @__PURE__ */ v.number(),
  year: /* @__PURE__ */ v.number(),
});
export type CheckpointView = v.InferOutput<typeof CheckpointView>;
export const VerifiedView = /* @__PURE__ */ v.object({
  at: /* @__PURE__ */ v.string(),
  first_bad: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.number()),
  outcome: /* @__PURE__ */ v.string(),
  size: /* @__PURE__ */ v.number(),
  year: /* @__PURE__ */ v.number(),
});
export type VerifiedView = v.InferOutput<typeof VerifiedView>;
export const AuditStateView = /* @__PURE__ */ v.object({
  checkpoint: /* @__PURE__ */ v.nullish(CheckpointView),
  lag_s: /* @__PURE__ */ v.number(),
  verified: /* @__PURE__ */ v.nullish(VerifiedView),
  waiting: /* @__PURE__ */ v.number(),
});
export type AuditStateView = v.InferOutput<typeof AuditStateView>;
export const AuthorizeInput = /* @__PURE__ */ v.object({
  approve: /* @__PURE__ */ v.boolean(),
  client_id: /* @__PURE__ */ v.string(),
  code_challenge: /* @__PURE__ */ v.string(),
  code_challenge_method: /* @__PURE__ */ v.string(),
  redirect_uri: /* @__PURE__ */ v.string(),
  response_type: /* @__PURE__ */ v.string(),
  scope: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  state: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
});
export type AuthorizeInput = v.InferOutput<typeof AuthorizeInput>;
export const AuthorizeView = /* @__PURE__ */ v.object({
  client: /* @__PURE__ */ v.string(),
  redirect_to: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  refuse_to: /* @__PURE__ */ v.string(),
  scope: /* @__PURE__ */ v.array(/* @__PURE__ */ v.string()),
});
export type AuthorizeView = v.InferOutput<typeof AuthorizeView>;
export const Basis = /* @__PURE__ */ v.picklist(['patient_request', 'consent_withdrawn', 'retention_expired', 'registered_in_error', 'court_order']);
export type Basis = v.InferOutput<typeof Basis>;
export const IdentifierKind = /* @__PURE__ */ v.picklist(['ssn_last4', 'insurance_member_id', 'abha_number', 'abha_address']);
export type IdentifierKind = v.InferOutput<typeof IdentifierKind>;
export const Identifier = /* @__PURE__ */ v.object({
  kind: IdentifierKind,
  value: /* @__PURE__ */ v.string(),
});
export type Identifier = v.InferOutput<typeof Identifier>;
export const ProxyScope = /* @__PURE__ */ v.picklist(['record', 'documents', 'corrections']);
export type ProxyScope = v.InferOutput<typeof ProxyScope>;
export const StandingTie = /* @__PURE__ */ v.picklist(['subject', 'proxy']);
export type StandingTie = v.InferOutput<typeof StandingTie>;
export const Standing = /* @__PURE__ */ v.object({
  scope: /* @__PURE__ */ v.array(ProxyScope),
  tie: StandingTie,
  until: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
});
export type Standing = v.InferOutput<typeof Standing>;
export const BriefView = /* @__PURE__ */ v.object({
  birth_date: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  id: /* @__PURE__ */ v.string(),
  identifiers: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.array(Identifier)),
  mrn: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  name: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  standing: /* @__PURE__ */ v.nullish(Standing),
});
export type BriefView = v.InferOutput<typeof BriefView>;
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
export const CeremonyView = /* @__PURE__ */ v.object({
  handle: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  public_key: /* @__PURE__ */ v.record(/* @__PURE__ */ v.string(), /* @__PURE__ */ v.unknown()),
});
export type CeremonyView = v.InferOutput<typeof CeremonyView>;
export const ClientChangeInput = /* @__PURE__ */ v.object({
  name: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  scopes: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.array(/* @__PURE__ */ v.string())),
  sites: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.array(/* @__PURE__ */ v.string())),
});
export type ClientChangeInput = v.InferOutput<typeof ClientChangeInput>;
export const JwkInput = /* @__PURE__ */ v.object({
  alg: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  crv: /* @__PURE__ */ v.string(),
  kid: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  kty: /* @__PURE__ */ v.string(),
  use: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  x: /* @__PURE__ */ v.string(),
  y: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
});
export type JwkInput = v.InferOutput<typeof JwkInput>;
export const KeySetInput = /* @__PURE__ */ v.object({
  keys: /* @__PURE__ */ v.array(JwkInput),
});
export type KeySetInput = v.InferOutput<typeof KeySetInput>;
export const ClientKind = /* @__PURE__ */ v.picklist(['machine', 'mobile']);
export type ClientKind = v.InferOutput<typeof ClientKind>;
export const ClientInput = /* @__PURE__ */ v.object({
  jwks: /* @__PURE__ */ v.nullish(KeySetInput),
  kind: ClientKind,
  name: /* @__PURE__ */ v.string(),
  redirect_uris: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.array(/* @__PURE__ */ v.string())),
  scopes: /* @__PURE__ */ v.array(/* @__PURE__ */ v.string()),
  sites: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.array(/* @__PURE__ */ v.string())),
});
export type ClientInput = v.InferOutput<typeof ClientInput>;
export const ClientKeysInput = /* @__PURE__ */ v.object({
  jwks: KeySetInput,
});
export type ClientKeysInput = v.InferOutput<typeof ClientKeysInput>;
export const Jwk = /* @__PURE__ */ v.object({
  crv: /* @__PURE__ */ v.string(),
  kid: /* @__PURE__ */ v.string(),
  kty: /* @__PURE__ */ v.string(),
  x: /* @__PURE__ */ v.string(),
  y: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
});
export type Jwk = v.InferOutput<typeof Jwk>;
export const ClientView = /* @__PURE__ */ v.object({
  created_at: /* @__PURE__ */ v.string(),
  id: /* @__PURE__ */ v.string(),
  keys: /* @__PURE__ */ v.array(Jwk),
  kind: ClientKind,
  name: /* @__PURE__ */ v.string(),
  redirect_uris: /* @__PURE__ */ v.array(/* @__PURE__ */ v.string()),
  scopes: /* @__PURE__ */ v.array(/* @__PURE__ */ v.string()),
  sites: /* @__PURE__ */ v.array(/* @__PURE__ */ v.string()),
  state: /* @__PURE__ */ v.string(),
  version: /* @__PURE__ */ v.number(),
});
export type ClientView = v.InferOutput<typeof ClientView>;
export const ClientList = /* @__PURE__ */ v.object({
  items: /* @__PURE__ */ v.array(ClientView),
});
export type ClientList = v.InferOutput<typeof ClientList>;
export const CodeAskInput = /* @__PURE__ */ v.object({
  email: /* @__PURE__ */ v.string(),
});
export type CodeAskInput = v.InferOutput<typeof CodeAskInput>;
export const CodeAskedView = /* @__PURE__ */ v.object({
  expires_at: /* @__PURE__ */ v.string(),
});
export type CodeAskedView = v.InferOutput<typeof CodeAskedView>;
export const CodeInput = /* @__PURE__ */ v.object({
  code: /* @__PURE__ */ v.string(),
});
export type CodeInput = v.InferOutput<typeof CodeInput>;
export const ColleagueView = /* @__PURE__ */ v.object({
  account: /* @__PURE__ */ v.string(),
  display_name: /* @__PURE__ */ v.string(),
  role: Role,
});
export type ColleagueView = v.InferOutput<typeof ColleagueView>;
export const ColleaguePage = /* @__PURE__ */ v.object({
  items: /* @__PURE__ */ v.array(ColleagueView),
  next_cursor: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
});
export type ColleaguePage = v.InferOutput<typeof ColleaguePage>;
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
export const CorrectionVerdict = /* @__PURE__ */ v.picklist(['accepted', 'denied']);
export type CorrectionVerdict = v.InferOutput<typeof CorrectionVerdict>;
export const CorrectionAnswerInput = /* @__PURE__ */ v.object({
  reason: /* @__PURE__ */ v.string(),
  verdict: CorrectionVerdict,
});
export type CorrectionAnswerInput = v.InferOutput<typeof CorrectionAnswerInput>;
export const CorrectionInput = /* @__PURE__ */ v.object({
  what: /* @__PURE__ */ v.string(),
  wish: /* @__PURE__ */ v.string(),
});
export type CorrectionInput = v.InferOutput<typeof CorrectionInput>;
export const CorrectionState = /* @__PURE__ */ v.picklist(['open', 'accepted', 'denied']);
export type CorrectionState = v.InferOutput<typeof CorrectionState>;
export const CorrectionView = /* @__PURE__ */ v.object({
  answered_at: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  answered_by: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  asked_at: /* @__PURE__ */ v.string(),
  asked_by: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  due_on: /* @__PURE__ */ v.string(),
  id: /* @__PURE__ */ v.string(),
  overdue: /* @__PURE__ */ v.boolean(),
  patient: /* @__PURE__ */ v.string(),
  reason: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  state: CorrectionState,
  what: /* @__PURE__ */ v.string(),
  wish: /* @__PURE__ */ v.string(),
});
export type CorrectionView = v.InferOutput<typeof CorrectionView>;
export const CorrectionPage = /* @__PURE__ */ v.object({
  items: /* @__PURE__ */ v.array(CorrectionView),
  next_cursor: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
});
export type CorrectionPage = v.InferOutput<typeof CorrectionPage>;
export const DisclosureInput = /* @__PURE__ */ v.object({
  address: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  description: /* @__PURE__ */ v.string(),
  disclosed_on: /* @__PURE__ */ v.string(),
  last_on: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  purpose: DisclosurePurpose,
  recipient: /* @__PURE__ */ v.string(),
  statement: /* @__PURE__ */ v.string(),
  times: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.number()),
  withheld_until: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
});
export type DisclosureInput = v.InferOutput<typeof DisclosureInput>;
export const DisclosureMade = /* @__PURE__ */ v.object({
  id: /* @__PURE__ */ v.string(),
});
export type DisclosureMade = v.InferOutput<typeof DisclosureMade>;
export const Disposition = /* @__PURE__ */ v.picklist(['attachment', 'inline']);
export type Disposition = v.InferOutput<typeof Disposition>;
export const DocumentKind = /* @__PURE__ */ v.picklist(['lab_report', 'prescription', 'image', 'referral', 'discharge_summary', 'consent_form', 'insurance_card', 'other']);
export type DocumentKind = v.InferOutput<typeof DocumentKind>;
export const MediaType = /* @__PURE__ */ v.picklist(['application/pdf', 'image/jpeg', 'image/png', 'image/tiff', 'application/dicom', 'text/plain', 'text/csv']);
export type MediaType = v.InferOutput<typeof MediaType>;
export const DocumentInput = /* @__PURE__ */ v.object({
  dated_on: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  file_name: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  kind: DocumentKind,
  media_type: MediaType,
  notes: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  sha256: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  size_bytes: /* @__PURE__ */ v.number(),
  supersedes: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  title: /* @__PURE__ */ v.string(),
});
export type DocumentInput = v.InferOutput<typeof DocumentInput>;
export const DocumentState = /* @__PURE__ */ v.picklist(['initiated', 'uploading', 'scanning', 'quarantined', 'current', 'superseded', 'deleted', 'purged']);
export type DocumentState = v.InferOutput<typeof DocumentState>;
export const UploadView = /* @__PURE__ */ v.object({
  expires_at: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  part_bytes: /* @__PURE__ */ v.number(),
  parts: /* @__PURE__ */ v.number(),
  received: /* @__PURE__ */ v.array(/* @__PURE__ */ v.number()),
});
export type UploadView = v.InferOutput<typeof UploadView>;
export const DocumentView = /* @__PURE__ */ v.object({
  created_at: /* @__PURE__ */ v.string(),
  dated_on: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  file_name: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  id: /* @__PURE__ */ v.string(),
  kind: DocumentKind,
  media_type: MediaType,
  notes: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  patient: /* @__PURE__ */ v.string(),
  refusal: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  sha256: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  size_bytes: /* @__PURE__ */ v.number(),
  state: DocumentState,
  superseded_by: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  supersedes: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  title: /* @__PURE__ */ v.string(),
  updated_at: /* @__PURE__ */ v.string(),
  upload: /* @__PURE__ */ v.nullish(UploadView),
  version: /* @__PURE__ */ v.number(),
});
export type DocumentView = v.InferOutput<typeof DocumentView>;
export const DocumentPage = /* @__PURE__ */ v.object({
  items: /* @__PURE__ */ v.array(DocumentView),
  next_cursor: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
});
export type DocumentPage = v.InferOutput<typeof DocumentPage>;
export const DocumentPolicy = /* @__PURE__ */ v.object({
  direct_imaging_from_bytes: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.number()),
});
export type DocumentPolicy = v.InferOutput<typeof DocumentPolicy>;
export const EmailAskInput = /* @__PURE__ */ v.object({
  email: /* @__PURE__ */ v.string(),
});
export type EmailAskInput = v.InferOutput<typeof EmailAskInput>;
export const EmailAskedView = /* @__PURE__ */ v.object({
  expires_at: /* @__PURE__ */ v.string(),
});
export type EmailAskedView = v.InferOutput<typeof EmailAskedView>;
export const EmailCodeInput = /* @__PURE__ */ v.object({
  code: /* @__PURE__ */ v.string(),
});
export type EmailCodeInput = v.InferOutput<typeof EmailCodeInput>;
export const ErasureInput = /* @__PURE__ */ v.object({
  basis: Basis,
});
export type ErasureInput = v.InferOutput<typeof ErasureInput>;
export const ErasureView = /* @__PURE__ */ v.object({
  alternatives: /* @__PURE__ */ v.array(/* @__PURE__ */ v.string()),
  basis: /* @__PURE__ */ v.string(),
  certificate: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.record(/* @__PURE__ */ v.string(), /* @__PURE__ */ v.unknown())),
  decided_at: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  decided_by: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  id: /* @__PURE__ */ v.string(),
  ledger_seq: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.number()),
  refusal: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  requested_at: /* @__PURE__ */ v.string(),
  requested_by: /* @__PURE__ */ v.string(),
  shredded_at: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  state: /* @__PURE__ */ v.string(),
});
export type ErasureView = v.InferOutput<typeof ErasureView>;
export const ErasureList = /* @__PURE__ */ v.object({
  items: /* @__PURE__ */ v.array(ErasureView),
});
export type ErasureList = v.InferOutput<typeof ErasureList>;
export const EventView = /* @__PURE__ */ v.object({
  action: /* @__PURE__ */ v.string(),
  actor: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  actor_kind: /* @__PURE__ */ v.string(),
  approved_by: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  id: /* @__PURE__ */ v.string(),
  occurred_at: /* @__PURE__ */ v.string(),
  outcome: /* @__PURE__ */ v.string(),
  patient: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  platform_person: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  purpose: /* @__PURE__ */ v.string(),
  reason: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  result_count: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.number()),
  row_version: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.number()),
  sentence: /* @__PURE__ */ v.string(),
});
export type EventView = v.InferOutput<typeof EventView>;
export const EventPage = /* @__PURE__ */ v.object({
  items: /* @__PURE__ */ v.array(EventView),
  next_cursor: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
});
export type EventPage = v.InferOutput<typeof EventPage>;
export const FactorInput = /* @__PURE__ */ v.union([/* @__PURE__ */ v.object({
  totp: /* @__PURE__ */ v.string(),
}), /* @__PURE__ */ v.object({
  recovery_code: /* @__PURE__ */ v.string(),
}), /* @__PURE__ */ v.object({
  passkey: AssertionInput,
})]);
export type FactorInput = v.InferOutput<typeof FactorInput>;
export const PasskeyView = /* @__PURE__ */ v.object({
  created_at: /* @__PURE__ */ v.string(),
  id: /* @__PURE__ */ v.string(),
  last_used_at: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
});
export type PasskeyView = v.InferOutput<typeof PasskeyView>;
export const FactorsView = /* @__PURE__ */ v.object({
  passkeys: /* @__PURE__ */ v.array(PasskeyView),
  recovery_codes_left: /* @__PURE__ */ v.number(),
  totp_since: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
});
export type FactorsView = v.InferOutput<typeof FactorsView>;
export const FieldError = /* @__PURE__ */ v.object({
  code: /* @__PURE__ */ v.string(),
  pointer: /* @__PURE__ */ v.string(),
});
export type FieldError = v.InferOutput<typeof FieldError>;
export const FilingInput = /* @__PURE__ */ v.object({
  dated_on: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  kind: DocumentKind,
});
export type FilingInput = v.InferOutput<typeof FilingInput>;
export const HoldReason = /* @__PURE__ */ v.picklist(['litigation', 'investigation', 'regulator', 'public_health']);
export type HoldReason = v.InferOutput<typeof HoldReason>;
export const HoldInput = /* @__PURE__ */ v.object({
  reason: HoldReason,
});
export type HoldInput = v.InferOutput<typeof HoldInput>;
export const HoldView = /* @__PURE__ */ v.object({
  placed_at: /* @__PURE__ */ v.string(),
  placed_by: /* @__PURE__ */ v.string(),
  reason: /* @__PURE__ */ v.string(),
  released_at: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  released_by: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
});
export type HoldView = v.InferOutput<typeof HoldView>;
export const HoldList = /* @__PURE__ */ v.object({
  items: /* @__PURE__ */ v.array(HoldView),
});
export type HoldList = v.InferOutput<typeof HoldList>;
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
export const KeyVersionView = /* @__PURE__ */ v.object({
  changed_at: /* @__PURE__ */ v.string(),
  made_at: /* @__PURE__ */ v.string(),
  purpose: /* @__PURE__ */ v.string(),
  state: /* @__PURE__ */ v.string(),
  version: /* @__PURE__ */ v.number(),
});
export type KeyVersionView = v.InferOutput<typeof KeyVersionView>;
export const KeysView = /* @__PURE__ */ v.object({
  items: /* @__PURE__ */ v.array(KeyVersionView),
  rotating: /* @__PURE__ */ v.array(/* @__PURE__ */ v.string()),
});
export type KeysView = v.InferOutput<typeof KeysView>;
export const LeaveInput = /* @__PURE__ */ v.object({
  account: /* @__PURE__ */ v.string(),
});
export type LeaveInput = v.InferOutput<typeof LeaveInput>;
export const Likeness = /* @__PURE__ */ v.picklist(['mrn', 'identifier', 'name_birth_date', 'phone', 'email']);
export type Likeness = v.InferOutput<typeof Likeness>;
export const LinkView = /* @__PURE__ */ v.object({
  direct: /* @__PURE__ */ v.boolean(),
  expires_at: /* @__PURE__ */ v.string(),
  url: /* @__PURE__ */ v.string(),
});
export type LinkView = v.InferOutput<typeof LinkView>;
export const MatchView = /* @__PURE__ */ v.object({
  patient: BriefView,
  same: /* @__PURE__ */ v.array(Likeness),
});
export type MatchView = v.InferOutput<typeof MatchView>;
export const Matches = /* @__PURE__ */ v.object({
  items: /* @__PURE__ */ v.array(MatchView),
});
export type Matches = v.InferOutput<typeof Matches>;
export const MeView = /* @__PURE__ */ v.object({
  account: /* @__PURE__ */ v.string(),
  clinic: /* @__PURE__ */ v.string(),
  display_name: /* @__PURE__ */ v.string(),
  email: /* @__PURE__ */ v.string(),
  idle_s: /* @__PURE__ */ v.number(),
  region: /* @__PURE__ */ v.string(),
  role: Role,
});
export type MeView = v.InferOutput<typeof MeView>;
export const OauthError = /* @__PURE__ */ v.picklist(['invalid_request', 'invalid_client', 'invalid_grant', 'unauthorized_client', 'unsupported_grant_type', 'invalid_scope']);
export type OauthError = v.InferOutput<typeof OauthError>;
export const OpenPatientAccess = /* @__PURE__ */ v.object({
  account: /* @__PURE__ */ v.string(),
  email: /* @__PURE__ */ v.string(),
});
export type OpenPatientAccess = v.InferOutput<typeof OpenPatientAccess>;
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
export const OwnPhoneView = /* @__PURE__ */ v.object({
  last_digits: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  verified_at: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
});
export type OwnPhoneView = v.InferOutput<typeof OwnPhoneView>;
export const OwnSessionView = /* @__PURE__ */ v.object({
  application: /* @__PURE__ */ v.nullish(ApplicationView),
  browser: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  created_at: /* @__PURE__ */ v.string(),
  current: /* @__PURE__ */ v.boolean(),
  expires_at: /* @__PURE__ */ v.string(),
  factor: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  id: /* @__PURE__ */ v.string(),
  last_seen_at: /* @__PURE__ */ v.string(),
  system: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
});
export type OwnSessionView = v.InferOutput<typeof OwnSessionView>;
export const OwnSessionsView = /* @__PURE__ */ v.object({
  items: /* @__PURE__ */ v.array(OwnSessionView),
});
export type OwnSessionsView = v.InferOutput<typeof OwnSessionsView>;
export const PackView = /* @__PURE__ */ v.object({
  events: /* @__PURE__ */ v.number(),
  files: /* @__PURE__ */ v.array(/* @__PURE__ */ v.string()),
  id: /* @__PURE__ */ v.string(),
  made_at: /* @__PURE__ */ v.string(),
  month: /* @__PURE__ */ v.string(),
});
export type PackView = v.InferOutput<typeof PackView>;
export const PackPage = /* @__PURE__ */ v.object({
  items: /* @__PURE__ */ v.array(PackView),
  next_before: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
});
export type PackPage = v.InferOutput<typeof PackPage>;
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
export const PasskeyAddedView = /* @__PURE__ */ v.object({
  id: /* @__PURE__ */ v.string(),
  recovery_codes: /* @__PURE__ */ v.array(/* @__PURE__ */ v.string()),
  session: SessionView,
});
export type PasskeyAddedView = v.InferOutput<typeof PasskeyAddedView>;
export const PasskeySignInInput = /* @__PURE__ */ v.object({
  credential: AssertionInput,
  handle: /* @__PURE__ */ v.string(),
});
export type PasskeySignInInput = v.InferOutput<typeof PasskeySignInInput>;
export const PasswordInput = /* @__PURE__ */ v.object({
  current: /* @__PURE__ */ v.string(),
  new: /* @__PURE__ */ v.string(),
});
export type PasswordInput = v.InferOutput<typeof PasswordInput>;
export const PatientAccessView = /* @__PURE__ */ v.object({
  open: /* @__PURE__ */ v.nullish(OpenPatientAccess),
});
export type PatientAccessView = v.InferOutput<typeof PatientAccessView>;
export const PatientAccountEndInput = /* @__PURE__ */ v.object({
  account: /* @__PURE__ */ v.string(),
});
export type PatientAccountEndInput = v.InferOutput<typeof PatientAccountEndInput>;
export const PatientAccountInput = /* @__PURE__ */ v.object({
  email: /* @__PURE__ */ v.string(),
});
export type PatientAccountInput = v.InferOutput<typeof PatientAccountInput>;
export const PatientAccountView = /* @__PURE__ */ v.object({
  account: /* @__PURE__ */ v.string(),
});
export type PatientAccountView = v.InferOutput<typeof PatientAccountView>;
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
export const PhoneAskInput = /* @__PURE__ */ v.object({
  phone: /* @__PURE__ */ v.string(),
});
export type PhoneAskInput = v.InferOutput<typeof PhoneAskInput>;
export const PhoneAskedView = /* @__PURE__ */ v.object({
  expires_at: /* @__PURE__ */ v.string(),
});
export type PhoneAskedView = v.InferOutput<typeof PhoneAskedView>;
export const PhoneCodeInput = /* @__PURE__ */ v.object({
  code: /* @__PURE__ */ v.string(),
});
export type PhoneCodeInput = v.InferOutput<typeof PhoneCodeInput>;
export const Problem = /* @__PURE__ */ v.object({
  code: /* @__PURE__ */ v.string(),
  errors: /* @__PURE__ */ v.optional(/* @__PURE__ */ v.array(FieldError)),
  instance: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  status: /* @__PURE__ */ v.number(),
  title: /* @__PURE__ */ v.string(),
  type: /* @__PURE__ */ v.string(),
});
export type Problem = v.InferOutput<typeof Problem>;
export const ProxyKind = /* @__PURE__ */ v.picklist(['parent', 'guardian', 'nominee']);
export type ProxyKind = v.InferOutput<typeof ProxyKind>;
export const ProxyProofKind = /* @__PURE__ */ v.picklist(['birth_certificate', 'court_order', 'power_of_attorney', 'nomination', 'identity_document', 'other']);
export type ProxyProofKind = v.InferOutput<typeof ProxyProofKind>;
export const ProxyProof = /* @__PURE__ */ v.object({
  kind: ProxyProofKind,
  reference: /* @__PURE__ */ v.string(),
});
export type ProxyProof = v.InferOutput<typeof ProxyProof>;
export const ProxyInput = /* @__PURE__ */ v.object({
  email: /* @__PURE__ */ v.string(),
  from: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  kind: ProxyKind,
  name: /* @__PURE__ */ v.string(),
  proof: ProxyProof,
  scope: /* @__PURE__ */ v.array(ProxyScope),
  until: /* @__PURE__ */ v.string(),
});
export type ProxyInput = v.InferOutput<typeof ProxyInput>;
export const ProxyState = /* @__PURE__ */ v.picklist(['coming', 'current', 'ended']);
export type ProxyState = v.InferOutput<typeof ProxyState>;
export const ProxyView = /* @__PURE__ */ v.object({
  email: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  from: /* @__PURE__ */ v.string(),
  id: /* @__PURE__ */ v.string(),
  kind: ProxyKind,
  name: /* @__PURE__ */ v.string(),
  proof: /* @__PURE__ */ v.nullish(ProxyProof),
  recorded_at: /* @__PURE__ */ v.string(),
  recorded_by: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  scope: /* @__PURE__ */ v.array(ProxyScope),
  state: ProxyState,
  until: /* @__PURE__ */ v.string(),
});
export type ProxyView = v.InferOutput<typeof ProxyView>;
export const ProxyList = /* @__PURE__ */ v.object({
  ends_by: /* @__PURE__ */ v.string(),
  items: /* @__PURE__ */ v.array(ProxyView),
  of_age: /* @__PURE__ */ v.boolean(),
});
export type ProxyList = v.InferOutput<typeof ProxyList>;
export const RecoverCompleteInput = /* @__PURE__ */ v.object({
  password: /* @__PURE__ */ v.string(),
  token: /* @__PURE__ */ v.string(),
});
export type RecoverCompleteInput = v.InferOutput<typeof RecoverCompleteInput>;
export const RecoverInput = /* @__PURE__ */ v.object({
  email: /* @__PURE__ */ v.string(),
});
export type RecoverInput = v.InferOutput<typeof RecoverInput>;
export const RecoveryCodesView = /* @__PURE__ */ v.object({
  recovery_codes: /* @__PURE__ */ v.array(/* @__PURE__ */ v.string()),
});
export type RecoveryCodesView = v.InferOutput<typeof RecoveryCodesView>;
export const RegisteredAt = /* @__PURE__ */ v.object({
  sites: /* @__PURE__ */ v.array(/* @__PURE__ */ v.string()),
});
export type RegisteredAt = v.InferOutput<typeof RegisteredAt>;
export const RegisteredView = /* @__PURE__ */ v.object({
  id: /* @__PURE__ */ v.string(),
});
export type RegisteredView = v.InferOutput<typeof RegisteredView>;
export const RegistrationResponse = /* @__PURE__ */ v.object({
  attestationObject: /* @__PURE__ */ v.string(),
  clientDataJSON: /* @__PURE__ */ v.string(),
});
export type RegistrationResponse = v.InferOutput<typeof RegistrationResponse>;
export const RegistrationInput = /* @__PURE__ */ v.object({
  response: RegistrationResponse,
});
export type RegistrationInput = v.InferOutput<typeof RegistrationInput>;
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
export const SessionPolicy = /* @__PURE__ */ v.object({
  absolute_s: /* @__PURE__ */ v.number(),
  idle_s: /* @__PURE__ */ v.number(),
});
export type SessionPolicy = v.InferOutput<typeof SessionPolicy>;
export const Shown = /* @__PURE__ */ v.picklist(['masked', 'full']);
export type Shown = v.InferOutput<typeof Shown>;
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
  closed_at: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
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
  sites: /* @__PURE__ */ v.array(/* @__PURE__ */ v.string()),
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
export const SupportGrantState = /* @__PURE__ */ v.picklist(['asked', 'approved', 'refused', 'ended']);
export type SupportGrantState = v.InferOutput<typeof SupportGrantState>;
export const SupportAnswered = /* @__PURE__ */ v.object({
  ends_at: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  state: SupportGrantState,
});
export type SupportAnswered = v.InferOutput<typeof SupportAnswered>;
export const SupportWhat = /* @__PURE__ */ v.picklist(['settings', 'accounts', 'work', 'state']);
export type SupportWhat = v.InferOutput<typeof SupportWhat>;
export const SupportLookView = /* @__PURE__ */ v.object({
  looked_at: /* @__PURE__ */ v.string(),
  what: SupportWhat,
});
export type SupportLookView = v.InferOutput<typeof SupportLookView>;
export const SupportGrantView = /* @__PURE__ */ v.object({
  answered_at: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  answered_by: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  asked_at: /* @__PURE__ */ v.string(),
  ended_at: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  ends_at: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  id: /* @__PURE__ */ v.string(),
  login: /* @__PURE__ */ v.string(),
  looks: /* @__PURE__ */ v.array(SupportLookView),
  minutes: /* @__PURE__ */ v.number(),
  platform_person: /* @__PURE__ */ v.string(),
  reason: /* @__PURE__ */ v.string(),
  state: SupportGrantState,
});
export type SupportGrantView = v.InferOutput<typeof SupportGrantView>;
export const SupportGrantPage = /* @__PURE__ */ v.object({
  items: /* @__PURE__ */ v.array(SupportGrantView),
  next_cursor: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
});
export type SupportGrantPage = v.InferOutput<typeof SupportGrantPage>;
export const TokenErrorView = /* @__PURE__ */ v.object({
  error: OauthError,
  error_description: /* @__PURE__ */ v.string(),
});
export type TokenErrorView = v.InferOutput<typeof TokenErrorView>;
export const TokenInput = /* @__PURE__ */ v.object({
  client_assertion: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  client_assertion_type: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  client_id: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  code: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  code_verifier: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  grant_type: /* @__PURE__ */ v.string(),
  redirect_uri: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  refresh_token: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  scope: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
});
export type TokenInput = v.InferOutput<typeof TokenInput>;
export const TokenView = /* @__PURE__ */ v.object({
  access_token: /* @__PURE__ */ v.string(),
  expires_in: /* @__PURE__ */ v.number(),
  refresh_token: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  scope: /* @__PURE__ */ v.string(),
  token_type: /* @__PURE__ */ v.string(),
});
export type TokenView = v.InferOutput<typeof TokenView>;
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
export const WaitingDocumentView = /* @__PURE__ */ v.object({
  id: /* @__PURE__ */ v.string(),
  kind: DocumentKind,
  patient: /* @__PURE__ */ v.string(),
  refusal: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  since: /* @__PURE__ */ v.string(),
  state: DocumentState,
});
export type WaitingDocumentView = v.InferOutput<typeof WaitingDocumentView>;
export const WaitingErasureView = /* @__PURE__ */ v.object({
  basis: /* @__PURE__ */ v.string(),
  own: /* @__PURE__ */ v.boolean(),
  patient: /* @__PURE__ */ v.string(),
  requested_at: /* @__PURE__ */ v.string(),
});
export type WaitingErasureView = v.InferOutput<typeof WaitingErasureView>;
export const WordsInput = /* @__PURE__ */ v.object({
  notes: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  title: /* @__PURE__ */ v.string(),
});
export type WordsInput = v.InferOutput<typeof WordsInput>;
export const WorklistView = /* @__PURE__ */ v.object({
  documents: /* @__PURE__ */ v.array(WaitingDocumentView),
  erasures: /* @__PURE__ */ v.array(WaitingErasureView),
  more_documents: /* @__PURE__ */ v.boolean(),
  more_erasures: /* @__PURE__ */ v.boolean(),
  patients: /* @__PURE__ */ v.array(BriefView),
});
export type WorklistView = v.InferOutput<typeof WorklistView>;
/** Gives a receipt: proof that one event is in the log, to be checked offline with `audit-verify receipt`. */
export const auditReceipt = /* @__PURE__ */ operation<undefined, undefined>('audit.receipt', 'GET', '/api/v1/audit/events/{id}/receipt');
/** The packs of the clinic's audit log, the newest month first. */
export const auditPackList = /* @__PURE__ */ operation<undefined, PackPage>('audit_pack.list', 'GET', '/api/v1/audit/packs', PackPage);
/** One file of a pack, by its number. All files of a pack in one folder are what `audit-verify pack` checks offline. */
export const auditPackDownload = /* @__PURE__ */ operation<undefined, undefined>('audit_pack.download', 'GET', '/api/v1/audit/packs/{id}/files/{number}');
/** Searches the log. The search itself is recorded. */
export const auditSearch = /* @__PURE__ */ operation<AuditSearch, EventPage>('audit.search', 'POST', '/api/v1/audit/search', EventPage);
/** Says how far the log is sealed, how much of the clinic's own waits, and what came of the last check. */
export const auditState = /* @__PURE__ */ operation<undefined, AuditStateView>('audit.state', 'GET', '/api/v1/audit/state', AuditStateView);
/** Pages through emergencies that nobody has reviewed. */
export const breakGlassList = /* @__PURE__ */ operation<undefined, OpenReviews>('break_glass.list', 'GET', '/api/v1/break-glass', OpenReviews);
/** Starts emergency access to one patient who is not the caller's. */
export const breakGlassStart = /* @__PURE__ */ operation<StartInput, StartedView>('break_glass.start', 'POST', '/api/v1/break-glass', StartedView);
/** Ends the caller's own emergency access before its time. */
export const breakGlassEnd = /* @__PURE__ */ operation<undefined, undefined>('break_glass.end', 'POST', '/api/v1/break-glass/{id}/end');
/** Reviews somebody else's emergency access; it stays open until this is done. */
export const breakGlassReview = /* @__PURE__ */ operation<ReviewInput, undefined>('break_glass.review', 'POST', '/api/v1/break-glass/{id}/review');
/** Pages through the colleagues whose accounts are open and who can be in a care team. */
export const colleagueList = /* @__PURE__ */ operation<undefined, ColleaguePage>('colleague.list', 'GET', '/api/v1/colleagues', ColleaguePage);
/** Lists the requests that wait for an answer, of all patients within reach. An emergency opens one record and not this list. */
export const correctionWaiting = /* @__PURE__ */ operation<undefined, CorrectionPage>('correction.waiting', 'GET', '/api/v1/corrections', CorrectionPage);
/** Reads the bytes behind a link, once. */
export const documentRedeem = /* @__PURE__ */ operation<undefined, undefined>('document.redeem', 'GET', '/api/v1/document-links/{id}');
/** Reads what is said about a document; while its bytes are missing, which parts have come. */
export const documentRead = /* @__PURE__ */ operation<undefined, DocumentView>('document.read', 'GET', '/api/v1/documents/{id}', DocumentView);
/** Corrects title and notes of the version that `If-Match` names. */
export const documentUpdate = /* @__PURE__ */ operation<WordsInput, DocumentView>('document.update', 'PUT', '/api/v1/documents/{id}', DocumentView);
/** Takes a document out of the record. One whose bytes are still coming is given up and leaves nothing. */
export const documentDelete = /* @__PURE__ */ operation<undefined, undefined>('document.delete', 'DELETE', '/api/v1/documents/{id}');
/** Corrects kind and day of the version that `If-Match` names, for who may write both kinds; words and bytes stay. */
export const documentRefile = /* @__PURE__ */ operation<FilingInput, DocumentView>('document.refile', 'PATCH', '/api/v1/documents/{id}', DocumentView);
/** Ends an upload: all bytes have come, and the document is looked at. Doing it again changes nothing. */
export const documentComplete = /* @__PURE__ */ operation<undefined, DocumentView>('document.complete', 'POST', '/api/v1/documents/{id}/complete', DocumentView);
/** Reads a clean document's bytes, whole or one range of them. */
export const documentDownload = /* @__PURE__ */ operation<undefined, undefined>('document.download', 'GET', '/api/v1/documents/{id}/content');
/** Sends all bytes in one piece. */
export const documentUpload = /* @__PURE__ */ operation<undefined, undefined>('document.upload', 'PUT', '/api/v1/documents/{id}/content');
/** Makes a link to a clean document's bytes. */
export const documentLink = /* @__PURE__ */ operation<undefined, LinkView>('document.link', 'POST', '/api/v1/documents/{id}/links', LinkView);
/** Sends one part, over an earlier one of its number. */
export const documentPart = /* @__PURE__ */ operation<undefined, undefined>('document.part', 'PUT', '/api/v1/documents/{id}/parts/{number}');
/** Turns an invitation into an active account with a password. The token works once. */
export const invitationAccept = /* @__PURE__ */ operation<AcceptInput, undefined>('invitation.accept', 'POST', '/api/v1/invitations/accept');
/** Shows which versions the clinic's keys have, since when, and whether a rotation is under way. */
export const keysRead = /* @__PURE__ */ operation<undefined, KeysView>('keys.read', 'GET', '/api/v1/keys', KeysView);
/** The own account. */
export const meRead = /* @__PURE__ */ operation<undefined, MeView>('me.read', 'GET', '/api/v1/me', MeView);
/** Asks to sign in with another e-mail address. A code goes there; one that was asked for before is void. The answer is the same
whether or not another account has the address. */
export const emailAsk = /* @__PURE__ */ operation<EmailAskInput, EmailAskedView>('email.ask', 'POST', '/api/v1/me/email', EmailAskedView);
/** Signs in with the new address from now on, with the code that was sent there. Every other session ends, codes and links that
went to the old address are void, and both addresses are told by mail. */
export const emailChange = /* @__PURE__ */ operation<EmailCodeInput, undefined>('email.change', 'POST', '/api/v1/me/email/confirm');
/** The own factors. */
export const factorList = /* @__PURE__ */ operation<undefined, FactorsView>('factor.list', 'GET', '/api/v1/me/factors', FactorsView);
/** Adds a passkey, which counts as proven in this session. */
export const passkeyAdd = /* @__PURE__ */ operation<RegistrationInput, PasskeyAddedView>('passkey.add', 'POST', '/api/v1/me/factors/passkeys', PasskeyAddedView);
/** Begins to add a passkey. An account that has a factor must have proven it within five minutes. */
export const passkeyBegin = /* @__PURE__ */ operation<undefined, CeremonyView>('passkey.begin', 'POST', '/api/v1/me/factors/passkeys/options', CeremonyView);
/** Removes one of the own passkeys, unless it is the account's only factor. */
export const passkeyRemove = /* @__PURE__ */ operation<undefined, undefined>('passkey.remove', 'DELETE', '/api/v1/me/factors/passkeys/{id}');
/** Makes ten new recovery codes; the ones before are void. */
export const recoveryRenew = /* @__PURE__ */ operation<undefined, RecoveryCodesView>('recovery.renew', 'POST', '/api/v1/me/factors/recovery-codes', RecoveryCodesView);
/** Begins to enrol an authenticator app. What was enrolled before stays in force until the new one's first code. An account
that has a factor must have proven it within five minutes. */
export const totpEnrol = /* @__PURE__ */ operation<undefined, TotpSecretView>('totp.enrol', 'POST', '/api/v1/me/factors/totp', TotpSecretView);
/** Puts an authenticator app in force with its first code, which counts as proven and works no second time. */
export const totpConfirm = /* @__PURE__ */ operation<TotpConfirmInput, TotpEnrolledView>('totp.confirm', 'POST', '/api/v1/me/factors/totp/confirm', TotpEnrolledView);
/** Changes the own password. Every other session ends, no device is known any more, and the owner is told by mail. */
export const passwordChange = /* @__PURE__ */ operation<PasswordInput, undefined>('password.change', 'PUT', '/api/v1/me/password');
/** The own telephone, by its last digits. */
export const phoneRead = /* @__PURE__ */ operation<undefined, OwnPhoneView>('phone.read', 'GET', '/api/v1/me/phone', OwnPhoneView);
/** Asks to be told at a telephone. A code goes there by SMS; one that was asked for before is void. Whatever telephone there is
stays until the code comes back. */
export const phoneAsk = /* @__PURE__ */ operation<PhoneAskInput, PhoneAskedView>('phone.ask', 'POST', '/api/v1/me/phone', PhoneAskedView);
/** Is told at no telephone any more. The e-mail address and the number are told so. Without one this does nothing. */
export const phoneRemove = /* @__PURE__ */ operation<undefined, undefined>('phone.remove', 'DELETE', '/api/v1/me/phone');
/** Is told at the number from now on, with the code that was sent there. The e-mail address and both numbers are told. */
export const phoneSet = /* @__PURE__ */ operation<PhoneCodeInput, undefined>('phone.set', 'POST', '/api/v1/me/phone/confirm');
/** The own live sessions. */
export const sessionList = /* @__PURE__ */ operation<undefined, OwnSessionsView>('session.list', 'GET', '/api/v1/me/sessions', OwnSessionsView);
/** Ends one of the own sessions; of an application also the codes that it has not used. */
export const sessionRevoke = /* @__PURE__ */ operation<undefined, undefined>('session.revoke', 'DELETE', '/api/v1/me/sessions/{id}');
/** Shows what an application asks for, and with `approve` gives it a code that is good for a minute, once. */
export const oauthAuthorize = /* @__PURE__ */ operation<AuthorizeInput, AuthorizeView>('oauth.authorize', 'POST', '/api/v1/oauth/authorize', AuthorizeView);
/** The clinic's programs, at most 100. */
export const oauthClientList = /* @__PURE__ */ operation<undefined, ClientList>('oauth_client.list', 'GET', '/api/v1/oauth/clients', ClientList);
/** Registers a program. It can ask for tokens at once. */
export const oauthClientRegister = /* @__PURE__ */ operation<ClientInput, RegisteredView>('oauth_client.register', 'POST', '/api/v1/oauth/clients', RegisteredView);
/** Reads a program. */
export const oauthClientRead = /* @__PURE__ */ operation<undefined, ClientView>('oauth_client.read', 'GET', '/api/v1/oauth/clients/{id}', ClientView);
/** Changes a program's name, scopes or sites, in the version that `If-Match` names. What is taken from it is taken from its
tokens too, from the next request on; a scope that is added comes with the next token, and to an application when somebody
lets it in anew. */
export const oauthClientChange = /* @__PURE__ */ operation<ClientChangeInput, ClientView>('oauth_client.change', 'PATCH', '/api/v1/oauth/clients/{id}', ClientView);
/** Disables a program for good; its tokens end with it. Disabling it again changes nothing. */
export const oauthClientDisable = /* @__PURE__ */ operation<undefined, undefined>('oauth_client.disable', 'POST', '/api/v1/oauth/clients/{id}/disable');
/** Replaces a program's keys. What was signed with another one is worth nothing from the next request on. */
export const oauthClientKeys = /* @__PURE__ */ operation<ClientKeysInput, undefined>('oauth_client.keys', 'PUT', '/api/v1/oauth/clients/{id}/keys');
/** Gives an access token. Programs prove who they are with a key, applications with what their user's browser brought back. */
export const oauthToken = /* @__PURE__ */ operation<undefined, TokenView>('oauth.token', 'POST', '/api/v1/oauth/token', TokenView);
/** Reads the API description. It needs no session and says nothing about the clinic. */
export const apiDescribe = /* @__PURE__ */ operation<undefined, undefined>('api.describe', 'GET', '/api/v1/openapi.json');
/** Pages through the clinic's patients. */
export const patientList = /* @__PURE__ */ operation<undefined, PatientPage>('patient.list', 'GET', '/api/v1/patients', PatientPage);
/** Registers a patient. */
export const patientCreate = /* @__PURE__ */ operation<PatientInput, PatientView>('patient.create', 'POST', '/api/v1/patients', PatientView);
/** Looks whether somebody who is about to be registered is there already. */
export const patientMatch = /* @__PURE__ */ operation<PatientInput, Matches>('patient.match', 'POST', '/api/v1/patients/matches', Matches);
/** Searches the clinic's patients by exactly one criterion. */
export const patientSearch = /* @__PURE__ */ operation<SearchInput, SearchResult>('patient.search', 'POST', '/api/v1/patients/search', SearchResult);
/** Reads a patient. */
export const patientRead = /* @__PURE__ */ operation<undefined, PatientView>('patient.read', 'GET', '/api/v1/patients/{id}', PatientView);
/** Corrects a patient: the body replaces the record of the version that `If-Match` names. */
export const patientUpdate = /* @__PURE__ */ operation<PatientInput, PatientView>('patient.update', 'PUT', '/api/v1/patients/{id}', PatientView);
/** Who used a patient's record, in plain words. The report itself is a use, and is in the next one. */
export const auditAccessReport = /* @__PURE__ */ operation<undefined, AccessReport>('audit.access_report', 'GET', '/api/v1/patients/{id}/access-report', AccessReport);
/** Says whether the patient can sign in, and with which address. */
export const patientAccessRead = /* @__PURE__ */ operation<undefined, PatientAccessView>('patient.access_read', 'GET', '/api/v1/patients/{id}/account', PatientAccessView);
/** Lets a patient sign in and see the own record. The patient is told by mail. Opening the same again changes nothing. */
export const patientAccessOpen = /* @__PURE__ */ operation<PatientAccountInput, PatientAccountView>('patient.access_open', 'POST', '/api/v1/patients/{id}/account', PatientAccountView);
/** Ends it: the account is removed, its sessions end, and the tie to the record with them. Where it stands in for others too, that
stays. Ending it again changes nothing. */
export const patientAccessClose = /* @__PURE__ */ operation<PatientAccountEndInput, undefined>('patient.access_close', 'POST', '/api/v1/patients/{id}/account/end');
/** Who treats a patient. */
export const careTeamRead = /* @__PURE__ */ operation<undefined, CareTeam>('care_team.read', 'GET', '/api/v1/patients/{id}/care-team', CareTeam);
/** Adds a physician or nurse to a patient's care team. Adding a member again changes nothing. */
export const careTeamJoin = /* @__PURE__ */ operation<JoinInput, undefined>('care_team.join', 'POST', '/api/v1/patients/{id}/care-team');
/** Ends a membership of a patient's care team, from the next request on. */
export const careTeamLeave = /* @__PURE__ */ operation<LeaveInput, undefined>('care_team.leave', 'POST', '/api/v1/patients/{id}/care-team/end');
/** Corrects how a patient is reached, and nothing else of the record. */
export const patientContact = /* @__PURE__ */ operation<ContactInput, PatientView>('patient.contact', 'PUT', '/api/v1/patients/{id}/contact', PatientView);
/** Lists a patient's requests to correct the record, with what the clinic answered. */
export const correctionList = /* @__PURE__ */ operation<undefined, CorrectionPage>('correction.list', 'GET', '/api/v1/patients/{id}/corrections', CorrectionPage);
/** Asks the clinic to correct the record. */
export const correctionAsk = /* @__PURE__ */ operation<CorrectionInput, CorrectionView>('correction.ask', 'POST', '/api/v1/patients/{id}/corrections', CorrectionView);
/** Answers a request, once. Correcting the record itself is done with the record's own routes. */
export const correctionAnswer = /* @__PURE__ */ operation<CorrectionAnswerInput, CorrectionView>('correction.answer', 'POST', '/api/v1/patients/{id}/corrections/{correction}/answer', CorrectionView);
/** To whom a patient's data were given in the last six years, or since a day. */
export const disclosureList = /* @__PURE__ */ operation<undefined, Accounting>('disclosure.list', 'GET', '/api/v1/patients/{id}/disclosures', Accounting);
/** Writes down that a patient's data were given to somebody outside the clinic. */
export const disclosureRecord = /* @__PURE__ */ operation<DisclosureInput, DisclosureMade>('disclosure.record', 'POST', '/api/v1/patients/{id}/disclosures', DisclosureMade);
/** Lists a patient's documents of the kinds that the caller may see. */
export const documentList = /* @__PURE__ */ operation<undefined, DocumentPage>('document.list', 'GET', '/api/v1/patients/{id}/documents', DocumentPage);
/** Announces a document: what it is, and how long it will be. */
export const documentCreate = /* @__PURE__ */ operation<DocumentInput, DocumentView>('document.create', 'POST', '/api/v1/patients/{id}/documents', DocumentView);
/** Lists the requests about a patient, also after the patient was erased: the certificate is in the last one. */
export const erasureRead = /* @__PURE__ */ operation<undefined, ErasureList>('erasure.read', 'GET', '/api/v1/patients/{id}/erasures', ErasureList);
/** Asks for a patient to be erased. What the law refuses is stored as refused, with its reason and what may be offered instead. */
export const erasureRequest = /* @__PURE__ */ operation<ErasureInput, ErasureView>('erasure.request', 'POST', '/api/v1/patients/{id}/erasures', ErasureView);
/** Agrees to a request that somebody else made; the destruction begins at once and cannot be undone. */
export const erasureApprove = /* @__PURE__ */ operation<undefined, ErasureView>('erasure.approve', 'POST', '/api/v1/patients/{id}/erasures/approve', ErasureView);
/** Calls a request off that nobody has agreed to yet. */
export const erasureCancel = /* @__PURE__ */ operation<undefined, ErasureView>('erasure.cancel', 'POST', '/api/v1/patients/{id}/erasures/cancel', ErasureView);
/** Lists a patient's legal holds. */
export const legalHoldList = /* @__PURE__ */ operation<undefined, HoldList>('legal_hold.list', 'GET', '/api/v1/patients/{id}/holds', HoldList);
/** Places a legal hold: the patient cannot be erased until it is released. */
export const legalHoldPlace = /* @__PURE__ */ operation<HoldInput, undefined>('legal_hold.place', 'POST', '/api/v1/patients/{id}/holds');
/** Releases the standing hold. */
export const legalHoldRelease = /* @__PURE__ */ operation<undefined, undefined>('legal_hold.release', 'POST', '/api/v1/patients/{id}/holds/release');
/** Lists who stands in for a patient, and who stood in. */
export const proxyList = /* @__PURE__ */ operation<undefined, ProxyList>('proxy.list', 'GET', '/api/v1/patients/{id}/proxies', ProxyList);
/** Records somebody who stands in for a patient, who can sign in with a code by mail and a second step from then on. They and the
patient are told by mail. */
export const proxyRecord = /* @__PURE__ */ operation<ProxyInput, ProxyView>('proxy.record', 'POST', '/api/v1/patients/{id}/proxies', ProxyView);
/** Ends that somebody stands in, from the next request on. Ending it again changes nothing. */
export const proxyEnd = /* @__PURE__ */ operation<undefined, undefined>('proxy.end', 'POST', '/api/v1/patients/{id}/proxies/{proxy}/end');
/** Where a patient is registered. */
export const patientSitesRead = /* @__PURE__ */ operation<undefined, RegisteredAt>('patient.sites_read', 'GET', '/api/v1/patients/{id}/sites', RegisteredAt);
/** Registers a patient at these sites and at no other. */
export const patientSites = /* @__PURE__ */ operation<SitesInput, undefined>('patient.sites', 'PUT', '/api/v1/patients/{id}/sites');
/** Asks for a mail with a link to set a new password. The answer is the same whoever asks for whom. */
export const recoveryAsk = /* @__PURE__ */ operation<RecoverInput, undefined>('recovery.ask', 'POST', '/api/v1/recovery');
/** Sets a new password with the token of the mail, which works once. Every session ends; a second factor is asked for as
before. */
export const recoveryComplete = /* @__PURE__ */ operation<RecoverCompleteInput, undefined>('recovery.complete', 'POST', '/api/v1/recovery/complete');
/** Signs in with a password, which opens a session of ten minutes: enough to prove a second factor or to enrol the first.
Every failure has one answer and takes as long as any other. */
export const sessionCreate = /* @__PURE__ */ operation<SignInInput, SessionView>('session.create', 'POST', '/api/v1/sessions', SessionView);
/** Asks for a code by mail. The answer and the time it takes are the same whoever asks. */
export const sessionCode = /* @__PURE__ */ operation<CodeAskInput, CodeAskedView>('session.code', 'POST', '/api/v1/sessions/code', CodeAskedView);
/** Signs in with the code of the mail. Where the account has a second factor, and always for who stands in for somebody,
that is asked for next. */
export const sessionCreateCode = /* @__PURE__ */ operation<CodeInput, SessionView>('session.create_code', 'POST', '/api/v1/sessions/code/complete', SessionView);
/** The own session, with its token against cross-site requests. */
export const sessionRead = /* @__PURE__ */ operation<undefined, SessionView>('session.read', 'GET', '/api/v1/sessions/current', SessionView);
/** Signs out: the session ends here and the browser is told to forget what it kept. */
export const sessionEnd = /* @__PURE__ */ operation<undefined, undefined>('session.end', 'DELETE', '/api/v1/sessions/current');
/** Proves a second factor: finishes a sign-in, and steps an older session up. The session gets a new token; the cookie and
the CSRF token before it are worth nothing any more. After five wrong codes the session ends. */
export const sessionProve = /* @__PURE__ */ operation<FactorInput, SessionView>('session.prove', 'POST', '/api/v1/sessions/current/factor', SessionView);
/** Begins to prove a passkey in the own session; the answer goes to `POST /api/v1/sessions/current/factor`. */
export const passkeyChallenge = /* @__PURE__ */ operation<undefined, CeremonyView>('passkey.challenge', 'POST', '/api/v1/sessions/current/factor/options', CeremonyView);
/** Signs in with a passkey alone: it shows that its owner has it and was checked by it, which is two factors. */
export const sessionCreatePasskey = /* @__PURE__ */ operation<PasskeySignInInput, SessionView>('session.create_passkey', 'POST', '/api/v1/sessions/passkey', SessionView);
/** Begins a sign-in with a passkey alone. It names no account and says nothing about any. */
export const sessionChallenge = /* @__PURE__ */ operation<undefined, CeremonyView>('session.challenge', 'POST', '/api/v1/sessions/passkey/options', CeremonyView);
/** How this clinic keeps documents. */
export const documentPolicyRead = /* @__PURE__ */ operation<undefined, DocumentPolicy>('document_policy.read', 'GET', '/api/v1/settings/documents', DocumentPolicy);
/** Chooses how the clinic keeps large imaging. */
export const documentPolicyChange = /* @__PURE__ */ operation<DocumentPolicy, DocumentPolicy>('document_policy.change', 'PUT', '/api/v1/settings/documents', DocumentPolicy);
/** How long sessions live in this clinic. */
export const sessionPolicyRead = /* @__PURE__ */ operation<undefined, SessionPolicy>('session_policy.read', 'GET', '/api/v1/settings/sessions', SessionPolicy);
/** Shortens the clinic's sessions. What is longer than the region allows is refused. */
export const sessionPolicyChange = /* @__PURE__ */ operation<SessionPolicy, SessionPolicy>('session_policy.change', 'PUT', '/api/v1/settings/sessions', SessionPolicy);
/** Where the clinic works. */
export const siteList = /* @__PURE__ */ operation<undefined, SiteList>('site.list', 'GET', '/api/v1/sites', SiteList);
/** Adds a site. */
export const siteCreate = /* @__PURE__ */ operation<SiteInput, SiteView>('site.create', 'POST', '/api/v1/sites', SiteView);
/** Gives a site another name, for everybody and in what was written before. */
export const siteRename = /* @__PURE__ */ operation<SiteInput, SiteView>('site.rename', 'PUT', '/api/v1/sites/{id}', SiteView);
/** Closes a site. From then on nobody is registered there and nobody begins to work there; who was is, and reaches whom they reached. */
export const siteClose = /* @__PURE__ */ operation<undefined, SiteView>('site.close', 'POST', '/api/v1/sites/{id}/close', SiteView);
/** Opens a closed site again. */
export const siteReopen = /* @__PURE__ */ operation<undefined, SiteView>('site.reopen', 'POST', '/api/v1/sites/{id}/reopen', SiteView);
/** Pages through the clinic's staff. */
export const staffList = /* @__PURE__ */ operation<undefined, StaffPage>('staff.list', 'GET', '/api/v1/staff', StaffPage);
/** Invites a staff member; the mail goes out by the region's worker. Somebody who has not accepted yet is invited again:
what was sent before is worth nothing then. */
export const staffInvite = /* @__PURE__ */ operation<InviteInput, InvitedView>('staff.invite', 'POST', '/api/v1/staff', InvitedView);
/** Closes a staff member's account, ends its sessions and forgets its telephone. */
export const staffDeactivate = /* @__PURE__ */ operation<undefined, undefined>('staff.deactivate', 'POST', '/api/v1/staff/{id}/deactivate');
/** Takes a colleague's lost factors and ends their sessions; they enrol new ones at their next sign-in and are told by
mail. For those who could do it to others, a second person must ask for the same within 24 hours. */
export const factorReset = /* @__PURE__ */ operation<undefined, ResetView>('factor.reset', 'POST', '/api/v1/staff/{id}/factors/reset', ResetView);
/** Opens a closed account again. Its owner signs in anew. */
export const staffReactivate = /* @__PURE__ */ operation<undefined, undefined>('staff.reactivate', 'POST', '/api/v1/staff/{id}/reactivate');
/** Gives a staff member another role. Its owner is told by mail. */
export const staffRole = /* @__PURE__ */ operation<RoleInput, undefined>('staff.role', 'PUT', '/api/v1/staff/{id}/role');
/** Ends every session of a staff member. */
export const staffEndSessions = /* @__PURE__ */ operation<undefined, undefined>('staff.end_sessions', 'POST', '/api/v1/staff/{id}/sessions/end');
/** Has a staff member work at these sites and at no other, from the next request on. */
export const staffSites = /* @__PURE__ */ operation<SitesInput, undefined>('staff.sites', 'PUT', '/api/v1/staff/{id}/sites');
/** Opens an account again that takes no password after too many wrong ones. */
export const staffUnlock = /* @__PURE__ */ operation<undefined, undefined>('staff.unlock', 'POST', '/api/v1/staff/{id}/unlock');
/** Pages through the platform's requests to see the clinic's operational state, and what came of them. */
export const supportList = /* @__PURE__ */ operation<undefined, SupportGrantPage>('support.list', 'GET', '/api/v1/support-grants', SupportGrantPage);
/** Lets the platform's support see the clinic's operational state, for as long as was asked for and not a minute longer. */
export const supportApprove = /* @__PURE__ */ operation<undefined, SupportAnswered>('support.approve', 'POST', '/api/v1/support-grants/{id}/approve', SupportAnswered);
/** Ends it before its time, from this moment on. */
export const supportEnd = /* @__PURE__ */ operation<undefined, SupportAnswered>('support.end', 'POST', '/api/v1/support-grants/{id}/end', SupportAnswered);
/** Refuses it. Support sees nothing, and can ask again. */
export const supportRefuse = /* @__PURE__ */ operation<undefined, SupportAnswered>('support.refuse', 'POST', '/api/v1/support-grants/{id}/refuse', SupportAnswered);
/** Shows what waits for the caller, of patients within reach and nobody else. */
export const worklistRead = /* @__PURE__ */ operation<undefined, WorklistView>('worklist.read', 'GET', '/api/v1/worklist', WorklistView);
