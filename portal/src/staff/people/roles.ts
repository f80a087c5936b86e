// The roles that an administrator gives; the others come in by their own ways.
import type { Role } from '../../api/clinic.gen.ts';

export const STAFF_ROLES = [
  'clinic_admin',
  'physician',
  'nurse',
  'receptionist',
  'lab_technician',
  'billing',
  'privacy_officer',
] as const satisfies readonly Role[];
