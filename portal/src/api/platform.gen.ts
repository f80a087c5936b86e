// Generated from the committed OpenAPI document by scripts/generate.ts; do not edit.
import * as v from 'valibot';
import { operation } from './operation.ts';

export const AskBody = /* @__PURE__ */ v.object({
  minutes: /* @__PURE__ */ v.number(),
  reason: /* @__PURE__ */ v.string(),
});
export type AskBody = v.InferOutput<typeof AskBody>;
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
export const CeremonyView = /* @__PURE__ */ v.object({
  handle: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  public_key: /* @__PURE__ */ v.record(/* @__PURE__ */ v.string(), /* @__PURE__ */ v.unknown()),
});
export type CeremonyView = v.InferOutput<typeof CeremonyView>;
export const EnrolmentInput = /* @__PURE__ */ v.object({
  token: /* @__PURE__ */ v.string(),
});
export type EnrolmentInput = v.InferOutput<typeof EnrolmentInput>;
export const EntryView = /* @__PURE__ */ v.object({
  chain: /* @__PURE__ */ v.string(),
  id: /* @__PURE__ */ v.string(),
  kind: /* @__PURE__ */ v.string(),
  region: /* @__PURE__ */ v.string(),
  slug: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  state: /* @__PURE__ */ v.string(),
  version: /* @__PURE__ */ v.number(),
});
export type EntryView = v.InferOutput<typeof EntryView>;
export const EntryPage = /* @__PURE__ */ v.object({
  items: /* @__PURE__ */ v.array(EntryView),
  next_cursor: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
});
export type EntryPage = v.InferOutput<typeof EntryPage>;
export const FieldError = /* @__PURE__ */ v.object({
  code: /* @__PURE__ */ v.string(),
  pointer: /* @__PURE__ */ v.string(),
});
export type FieldError = v.InferOutput<typeof FieldError>;
export const RegistrationResponse = /* @__PURE__ */ v.object({
  attestationObject: /* @__PURE__ */ v.string(),
  clientDataJSON: /* @__PURE__ */ v.string(),
});
export type RegistrationResponse = v.InferOutput<typeof RegistrationResponse>;
export const RegistrationInput = /* @__PURE__ */ v.object({
  response: RegistrationResponse,
});
export type RegistrationInput = v.InferOutput<typeof RegistrationInput>;
export const FirstPasskeyInput = /* @__PURE__ */ v.object({
  credential: RegistrationInput,
  handle: /* @__PURE__ */ v.string(),
  label: /* @__PURE__ */ v.string(),
  token: /* @__PURE__ */ v.string(),
});
export type FirstPasskeyInput = v.InferOutput<typeof FirstPasskeyInput>;
export const SupportGrantState = /* @__PURE__ */ v.picklist(['asked', 'approved', 'refused', 'ended']);
export type SupportGrantState = v.InferOutput<typeof SupportGrantState>;
export const GrantView = /* @__PURE__ */ v.object({
  answered_at: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  asked_at: /* @__PURE__ */ v.string(),
  asked_by: /* @__PURE__ */ v.string(),
  ends_at: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  id: /* @__PURE__ */ v.string(),
  minutes: /* @__PURE__ */ v.number(),
  over_at: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  reason: /* @__PURE__ */ v.string(),
  region: /* @__PURE__ */ v.string(),
  slug: /* @__PURE__ */ v.string(),
  state: SupportGrantState,
  tenant: /* @__PURE__ */ v.string(),
});
export type GrantView = v.InferOutput<typeof GrantView>;
export const GrantPage = /* @__PURE__ */ v.object({
  items: /* @__PURE__ */ v.array(GrantView),
  next_cursor: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
});
export type GrantPage = v.InferOutput<typeof GrantPage>;
export const SupportAccounts = /* @__PURE__ */ v.object({
  accounts: /* @__PURE__ */ v.number(),
  role: /* @__PURE__ */ v.string(),
  state: /* @__PURE__ */ v.string(),
});
export type SupportAccounts = v.InferOutput<typeof SupportAccounts>;
export const SupportSettings = /* @__PURE__ */ v.object({
  direct_imaging: /* @__PURE__ */ v.boolean(),
  jurisdiction: /* @__PURE__ */ v.string(),
  session_absolute_s: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.number()),
  session_idle_s: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.number()),
  sites: /* @__PURE__ */ v.number(),
});
export type SupportSettings = v.InferOutput<typeof SupportSettings>;
export const SupportKey = /* @__PURE__ */ v.object({
  purpose: /* @__PURE__ */ v.string(),
  state: /* @__PURE__ */ v.string(),
  version: /* @__PURE__ */ v.number(),
});
export type SupportKey = v.InferOutput<typeof SupportKey>;
export const SupportState = /* @__PURE__ */ v.object({
  epoch: /* @__PURE__ */ v.number(),
  keys: /* @__PURE__ */ v.array(SupportKey),
  log_lag_s: /* @__PURE__ */ v.number(),
  log_sealed_s: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.number()),
  log_waiting: /* @__PURE__ */ v.number(),
  schema_version: /* @__PURE__ */ v.number(),
});
export type SupportState = v.InferOutput<typeof SupportState>;
export const SupportWhat = /* @__PURE__ */ v.picklist(['settings', 'accounts', 'work', 'state']);
export type SupportWhat = v.InferOutput<typeof SupportWhat>;
export const SupportJobs = /* @__PURE__ */ v.object({
  code: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  job: /* @__PURE__ */ v.string(),
  jobs: /* @__PURE__ */ v.number(),
});
export type SupportJobs = v.InferOutput<typeof SupportJobs>;
export const LookView = /* @__PURE__ */ v.object({
  accounts: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.array(SupportAccounts)),
  answered_at: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  asked_at: /* @__PURE__ */ v.string(),
  code: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  id: /* @__PURE__ */ v.string(),
  settings: /* @__PURE__ */ v.nullish(SupportSettings),
  state: /* @__PURE__ */ v.string(),
  upkeep: /* @__PURE__ */ v.nullish(SupportState),
  what: SupportWhat,
  work: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.array(SupportJobs)),
});
export type LookView = v.InferOutput<typeof LookView>;
export const GrantWithLooks = /* @__PURE__ */ v.object({
  grant: GrantView,
  looks: /* @__PURE__ */ v.array(LookView),
});
export type GrantWithLooks = v.InferOutput<typeof GrantWithLooks>;
export const HeldView = /* @__PURE__ */ v.object({
  behind: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.number()),
  health: /* @__PURE__ */ v.string(),
  heard_s: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.number()),
  processes: /* @__PURE__ */ v.number(),
  region: /* @__PURE__ */ v.string(),
  role: /* @__PURE__ */ v.string(),
  version: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.number()),
});
export type HeldView = v.InferOutput<typeof HeldView>;
export const HeadView = /* @__PURE__ */ v.object({
  chain: /* @__PURE__ */ v.string(),
  held: /* @__PURE__ */ v.array(HeldView),
  served_version: /* @__PURE__ */ v.number(),
  version: /* @__PURE__ */ v.number(),
});
export type HeadView = v.InferOutput<typeof HeadView>;
export const KeyBody = /* @__PURE__ */ v.object({
  made_at: /* @__PURE__ */ v.string(),
  moved: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.number()),
  purpose: /* @__PURE__ */ v.string(),
  reported_at: /* @__PURE__ */ v.string(),
  rotation: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  state: /* @__PURE__ */ v.string(),
  version: /* @__PURE__ */ v.number(),
});
export type KeyBody = v.InferOutput<typeof KeyBody>;
export const KeyList = /* @__PURE__ */ v.object({
  items: /* @__PURE__ */ v.array(KeyBody),
});
export type KeyList = v.InferOutput<typeof KeyList>;
export const LookBody = /* @__PURE__ */ v.object({
  what: SupportWhat,
});
export type LookBody = v.InferOutput<typeof LookBody>;
export const NewPasskeyInput = /* @__PURE__ */ v.object({
  credential: RegistrationInput,
  label: /* @__PURE__ */ v.string(),
});
export type NewPasskeyInput = v.InferOutput<typeof NewPasskeyInput>;
export const NewShard = /* @__PURE__ */ v.object({
  id: /* @__PURE__ */ v.number(),
  region: /* @__PURE__ */ v.string(),
  tenants_max: /* @__PURE__ */ v.number(),
});
export type NewShard = v.InferOutput<typeof NewShard>;
export const NewTenantBody = /* @__PURE__ */ v.object({
  first_admin_email: /* @__PURE__ */ v.string(),
  legal_name: /* @__PURE__ */ v.string(),
  region: /* @__PURE__ */ v.string(),
  slug: /* @__PURE__ */ v.string(),
});
export type NewTenantBody = v.InferOutput<typeof NewTenantBody>;
export const OffboardBody = /* @__PURE__ */ v.object({
  confirm_slug: /* @__PURE__ */ v.string(),
});
export type OffboardBody = v.InferOutput<typeof OffboardBody>;
export const PasskeySignInInput = /* @__PURE__ */ v.object({
  credential: AssertionInput,
  handle: /* @__PURE__ */ v.string(),
});
export type PasskeySignInInput = v.InferOutput<typeof PasskeySignInInput>;
export const PasskeyView = /* @__PURE__ */ v.object({
  created_at: /* @__PURE__ */ v.string(),
  id: /* @__PURE__ */ v.string(),
  label: /* @__PURE__ */ v.string(),
  last_used_at: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
});
export type PasskeyView = v.InferOutput<typeof PasskeyView>;
export const PasskeysView = /* @__PURE__ */ v.object({
  items: /* @__PURE__ */ v.array(PasskeyView),
});
export type PasskeysView = v.InferOutput<typeof PasskeysView>;
export const Problem = /* @__PURE__ */ v.object({
  code: /* @__PURE__ */ v.string(),
  errors: /* @__PURE__ */ v.optional(/* @__PURE__ */ v.array(FieldError)),
  instance: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  status: /* @__PURE__ */ v.number(),
  title: /* @__PURE__ */ v.string(),
  type: /* @__PURE__ */ v.string(),
});
export type Problem = v.InferOutput<typeof Problem>;
export const RegionBody = /* @__PURE__ */ v.object({
  code: /* @__PURE__ */ v.string(),
  jurisdiction: /* @__PURE__ */ v.string(),
  name: /* @__PURE__ */ v.string(),
  peer_front_door: /* @__PURE__ */ v.string(),
  public_port: /* @__PURE__ */ v.number(),
  transit: /* @__PURE__ */ v.string(),
});
export type RegionBody = v.InferOutput<typeof RegionBody>;
export const RegionView = /* @__PURE__ */ v.object({
  code: /* @__PURE__ */ v.string(),
  health: /* @__PURE__ */ v.string(),
  jurisdiction: /* @__PURE__ */ v.string(),
  name: /* @__PURE__ */ v.string(),
  peer_front_door: /* @__PURE__ */ v.string(),
  public_port: /* @__PURE__ */ v.number(),
  transit: /* @__PURE__ */ v.string(),
});
export type RegionView = v.InferOutput<typeof RegionView>;
export const RegionList = /* @__PURE__ */ v.object({
  items: /* @__PURE__ */ v.array(RegionView),
});
export type RegionList = v.InferOutput<typeof RegionList>;
export const SessionView = /* @__PURE__ */ v.object({
  csrf_token: /* @__PURE__ */ v.string(),
  expires_at: /* @__PURE__ */ v.string(),
  login: /* @__PURE__ */ v.string(),
  role: /* @__PURE__ */ v.string(),
});
export type SessionView = v.InferOutput<typeof SessionView>;
export const ShardView = /* @__PURE__ */ v.object({
  checked_s: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.number()),
  health: /* @__PURE__ */ v.string(),
  id: /* @__PURE__ */ v.number(),
  open: /* @__PURE__ */ v.boolean(),
  region: /* @__PURE__ */ v.string(),
  tenants: /* @__PURE__ */ v.number(),
  tenants_max: /* @__PURE__ */ v.number(),
});
export type ShardView = v.InferOutput<typeof ShardView>;
export const ShardList = /* @__PURE__ */ v.object({
  items: /* @__PURE__ */ v.array(ShardView),
});
export type ShardList = v.InferOutput<typeof ShardList>;
export const SignIn = /* @__PURE__ */ v.object({
  login: /* @__PURE__ */ v.string(),
  password: /* @__PURE__ */ v.string(),
});
export type SignIn = v.InferOutput<typeof SignIn>;
export const SignInView = /* @__PURE__ */ v.object({
  passwords: /* @__PURE__ */ v.boolean(),
});
export type SignInView = v.InferOutput<typeof SignInView>;
export const StepBody = /* @__PURE__ */ v.object({
  attempts: /* @__PURE__ */ v.number(),
  changed_at: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  code: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
  state: /* @__PURE__ */ v.string(),
  step: /* @__PURE__ */ v.string(),
  task: /* @__PURE__ */ v.string(),
});
export type StepBody = v.InferOutput<typeof StepBody>;
export const StepList = /* @__PURE__ */ v.object({
  items: /* @__PURE__ */ v.array(StepBody),
});
export type StepList = v.InferOutput<typeof StepList>;
export const TenantView = /* @__PURE__ */ v.object({
  created_at: /* @__PURE__ */ v.string(),
  epoch: /* @__PURE__ */ v.number(),
  id: /* @__PURE__ */ v.string(),
  legal_name: /* @__PURE__ */ v.string(),
  region: /* @__PURE__ */ v.string(),
  shard: /* @__PURE__ */ v.number(),
  slug: /* @__PURE__ */ v.string(),
  state: /* @__PURE__ */ v.string(),
  updated_at: /* @__PURE__ */ v.string(),
  version: /* @__PURE__ */ v.number(),
});
export type TenantView = v.InferOutput<typeof TenantView>;
export const TenantPage = /* @__PURE__ */ v.object({
  items: /* @__PURE__ */ v.array(TenantView),
  next_cursor: /* @__PURE__ */ v.nullish(/* @__PURE__ */ v.string()),
});
export type TenantPage = v.InferOutput<typeof TenantPage>;
export const TransitBody = /* @__PURE__ */ v.object({
  transit: /* @__PURE__ */ v.string(),
});
export type TransitBody = v.InferOutput<typeof TransitBody>;
/** The end of the directory's log, and which version the regions have. */
export const directoryHead = /* @__PURE__ */ operation<undefined, HeadView>('directory.head', 'GET', '/platform/v1/directory', HeadView);
/** The directory's log, a page at a time. */
export const directoryEntries = /* @__PURE__ */ operation<undefined, EntryPage>('directory.entries', 'GET', '/platform/v1/directory/entries', EntryPage);
/** Begins to make the first passkey. */
export const enrolmentBegin = /* @__PURE__ */ operation<EnrolmentInput, CeremonyView>('enrolment.begin', 'POST', '/platform/v1/enrolments/begin', CeremonyView);
/** Makes the first passkey, uses the link up and signs in: sets the session cookie. */
export const enrolmentFinish = /* @__PURE__ */ operation<FirstPasskeyInput, SessionView>('enrolment.finish', 'POST', '/platform/v1/enrolments/finish', SessionView);
/** This description. */
export const apiDescribe = /* @__PURE__ */ operation<undefined, undefined>('api.describe', 'GET', '/platform/v1/openapi.json');
/** The own passkeys. */
export const passkeyList = /* @__PURE__ */ operation<undefined, PasskeysView>('passkey.list', 'GET', '/platform/v1/passkeys', PasskeysView);
/** Begins to add a passkey. */
export const passkeyBegin = /* @__PURE__ */ operation<undefined, CeremonyView>('passkey.begin', 'POST', '/platform/v1/passkeys/begin', CeremonyView);
/** Adds a passkey and ends the other sessions. */
export const passkeyAdd = /* @__PURE__ */ operation<NewPasskeyInput, PasskeyView>('passkey.add', 'POST', '/platform/v1/passkeys/finish', PasskeyView);
/** Begins a sign-in with a passkey. It names no account and says nothing about any. */
export const sessionChallenge = /* @__PURE__ */ operation<undefined, CeremonyView>('session.challenge', 'POST', '/platform/v1/passkeys/sign-in/begin', CeremonyView);
/** Signs in with a passkey: sets the session cookie. */
export const sessionCreatePasskey = /* @__PURE__ */ operation<PasskeySignInInput, SessionView>('session.create_passkey', 'POST', '/platform/v1/passkeys/sign-in/finish', SessionView);
/** Removes one of the own passkeys, unless it is the only one, and ends the other sessions. */
export const passkeyRemove = /* @__PURE__ */ operation<undefined, undefined>('passkey.remove', 'DELETE', '/platform/v1/passkeys/{id}');
/** Every region, and how it is. */
export const regionList = /* @__PURE__ */ operation<undefined, RegionList>('region.list', 'GET', '/platform/v1/regions', RegionList);
/** Adds a region. */
export const regionAdd = /* @__PURE__ */ operation<RegionBody, RegionBody>('region.add', 'POST', '/platform/v1/regions', RegionBody);
/** Sets how other regions' front doors treat connections for a region's tenants. */
export const regionTransit = /* @__PURE__ */ operation<TransitBody, RegionBody>('region.transit', 'PUT', '/platform/v1/regions/{name}/transit', RegionBody);
/** Signs in with a password, where the platform takes one: sets the session cookie. */
export const sessionCreate = /* @__PURE__ */ operation<SignIn, SessionView>('session.create', 'POST', '/platform/v1/sessions', SessionView);
/** Signs out. */
export const sessionEnd = /* @__PURE__ */ operation<undefined, undefined>('session.end', 'DELETE', '/platform/v1/sessions/current');
/** The caller's own session. */
export const sessionRead = /* @__PURE__ */ operation<undefined, SessionView>('session.read', 'GET', '/platform/v1/sessions/current', SessionView);
/** Shards, how full they are, and how they are. */
export const shardList = /* @__PURE__ */ operation<undefined, ShardList>('shard.list', 'GET', '/platform/v1/shards', ShardList);
/** Adds a shard to a region. */
export const shardAdd = /* @__PURE__ */ operation<NewShard, ShardView>('shard.add', 'POST', '/platform/v1/shards', ShardView);
/** Which ways there are to sign in. */
export const signInDescribe = /* @__PURE__ */ operation<undefined, SignInView>('sign_in.describe', 'GET', '/platform/v1/sign-in', SignInView);
/** Support grants, a page at a time: support sees the own ones, administrators all of them. */
export const supportList = /* @__PURE__ */ operation<undefined, GrantPage>('support.list', 'GET', '/platform/v1/support-grants', GrantPage);
/** One support grant, and what was looked at under it. */
export const supportRead = /* @__PURE__ */ operation<undefined, GrantWithLooks>('support.read', 'GET', '/platform/v1/support-grants/{id}', GrantWithLooks);
/** Ends a support grant. Nothing is answered under it from now on, and what was answered is deleted here. */
export const supportEnd = /* @__PURE__ */ operation<undefined, GrantView>('support.end', 'POST', '/platform/v1/support-grants/{id}/end', GrantView);
/** Looks at something of the clinic. Its region answers within seconds, unless the grant is over there. */
export const supportLook = /* @__PURE__ */ operation<LookBody, LookView>('support.look', 'POST', '/platform/v1/support-grants/{id}/looks', LookView);
/** What the region answered to the own look. */
export const supportAnswer = /* @__PURE__ */ operation<undefined, LookView>('support.answer', 'GET', '/platform/v1/support-grants/{id}/looks/{look}', LookView);
/** Tenants, a page at a time. */
export const tenantList = /* @__PURE__ */ operation<undefined, TenantPage>('tenant.list', 'GET', '/platform/v1/tenants', TenantPage);
/** Takes a clinic on. Its region's worker then builds it; see its steps. */
export const tenantCreate = /* @__PURE__ */ operation<NewTenantBody, TenantView>('tenant.create', 'POST', '/platform/v1/tenants', TenantView);
/** One tenant. */
export const tenantRead = /* @__PURE__ */ operation<undefined, TenantView>('tenant.read', 'GET', '/platform/v1/tenants/{id}', TenantView);
/** The versions, ages and rotations of a tenant's keys, as its region said last. No key is known here. */
export const tenantKeys = /* @__PURE__ */ operation<undefined, KeyList>('tenant.keys', 'GET', '/platform/v1/tenants/{id}/keys', KeyList);
/** Ends a tenant: its address answers 410, and its region's worker destroys its keys and data. It cannot be undone, so whoever does
it has signed in within five minutes. */
export const tenantOffboard = /* @__PURE__ */ operation<OffboardBody, TenantView>('tenant.offboard', 'POST', '/platform/v1/tenants/{id}/offboard', TenantView);
/** Serves a suspended tenant again. */
export const tenantResume = /* @__PURE__ */ operation<undefined, TenantView>('tenant.resume', 'POST', '/platform/v1/tenants/{id}/resume', TenantView);
/** The steps of a tenant's onboarding, and of its end. */
export const tenantSteps = /* @__PURE__ */ operation<undefined, StepList>('tenant.steps', 'GET', '/platform/v1/tenants/{id}/steps', StepList);
/** Asks a clinic for a support grant. Its administrator approves or refuses it in the clinic. */
export const supportAsk = /* @__PURE__ */ operation<AskBody, GrantView>('support.ask', 'POST', '/platform/v1/tenants/{id}/support-grants', GrantView);
/** Stops serving a tenant: its address answers 403. */
export const tenantSuspend = /* @__PURE__ */ operation<undefined, TenantView>('tenant.suspend', 'POST', '/platform/v1/tenants/{id}/suspend', TenantView);
