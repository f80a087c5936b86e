// Every address of the portal, in one place. Nothing of a patient is in any of them but an opaque id.

/** Below `/clinic`. */
export const clinic = {
  home: '/',
  signIn: '/sign-in',
  signedOut: '/signed-out',
  patients: '/patients',
  register: '/patients/new',
  patient: (id: string) => `/patients/${id}`,
  editPatient: (id: string) => `/patients/${id}/edit`,
  documents: (id: string) => `/patients/${id}/documents`,
  careTeam: (id: string) => `/patients/${id}/care-team`,
  proxies: (id: string) => `/patients/${id}/proxies`,
  patientCorrections: (id: string) => `/patients/${id}/corrections`,
  corrections: '/corrections',
  erasure: (id: string) => `/patients/${id}/erasure`,
  uses: (id: string) => `/patients/${id}/uses`,
  emergency: '/emergency',
  staff: '/staff',
  sites: '/sites',
  programs: '/programs',
  sessions: '/sessions',
  imaging: '/imaging',
  audit: '/audit',
  keys: '/keys',
  support: '/support-access',
  account: '/account',
} as const;

/** Below `/my`. */
export const my = {
  home: '/',
  signIn: '/sign-in',
  signedOut: '/signed-out',
  record: (id: string) => `/records/${id}`,
  contact: (id: string) => `/records/${id}/contact`,
  documents: (id: string) => `/records/${id}/documents`,
  access: (id: string) => `/records/${id}/access`,
  corrections: (id: string) => `/records/${id}/corrections`,
  proxies: (id: string) => `/records/${id}/proxies`,
  account: '/account',
  /** Where an application sends a person who shall let it in (the authorization endpoint of OAuth 2). */
  authorize: '/authorize',
} as const;

/** Below `/console`. */
export const console_ = {
  home: '/',
  signIn: '/sign-in',
  signedOut: '/signed-out',
  tenants: '/tenants',
  onboard: '/tenants/new',
  tenant: (id: string) => `/tenants/${id}`,
  directory: '/directory',
  transit: '/transit',
  support: '/support',
  grant: (id: string) => `/support/${id}`,
  passkeys: '/passkeys',
} as const;

export const CLINIC_BASE = '/clinic';
export const MY_BASE = '/my';
export const CONSOLE_BASE = '/console';
/** Where an enrolment link leads; `app/src/control/enrolments.rs` writes it. */
export const ENROL = '/console/enrol';
export const ACCEPT_INVITATION = '/accept-invitation';
export const RECOVER = '/recover';

/** The forms of the addresses that name something. */
export const patterns = {
  patient: '/patients/:id',
  editPatient: '/patients/:id/edit',
  documents: '/patients/:id/documents',
  careTeam: '/patients/:id/care-team',
  proxies: '/patients/:id/proxies',
  patientCorrections: '/patients/:id/corrections',
  erasure: '/patients/:id/erasure',
  uses: '/patients/:id/uses',
  tenant: '/tenants/:id',
  grant: '/support/:id',
  myRecord: '/records/:id',
  myContact: '/records/:id/contact',
  myDocuments: '/records/:id/documents',
  myAccess: '/records/:id/access',
  myCorrections: '/records/:id/corrections',
  myProxies: '/records/:id/proxies',
  /** Whatever is about one record, with what comes behind its id. */
  myRecords: '/records/:id/*?',
} as const;
