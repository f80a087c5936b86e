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
  emergency: '/emergency',
  staff: '/staff',
  audit: '/audit',
  account: '/account',
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
} as const;

export const CLINIC_BASE = '/clinic';
export const CONSOLE_BASE = '/console';
export const ACCEPT_INVITATION = '/accept-invitation';

/** The forms of the addresses that name something. */
export const patterns = {
  patient: '/patients/:id',
  editPatient: '/patients/:id/edit',
  documents: '/patients/:id/documents',
  careTeam: '/patients/:id/care-team',
  tenant: '/tenants/:id',
} as const;
