// Generated from the server's authorization matrix by scripts/generate.ts; do not edit.
export const MATRIX = {
  'api.describe': 'anyone',
  'invitation.accept': 'anyone',
  'session.create': 'anyone',
  'session.read': 'clinic_admin physician nurse receptionist lab_technician billing privacy_officer',
  'session.end': 'clinic_admin physician nurse receptionist lab_technician billing privacy_officer',
  'me.read': 'clinic_admin physician nurse receptionist lab_technician billing privacy_officer',
  'staff.list': 'clinic_admin privacy_officer',
  'staff.invite': 'clinic_admin',
  'staff.unlock': 'clinic_admin',
  'patient.create': 'clinic_admin physician nurse receptionist',
  'patient.list': 'clinic_admin physician nurse receptionist privacy_officer',
  'patient.read': 'clinic_admin physician nurse receptionist lab_technician billing privacy_officer',
  'patient.update': 'clinic_admin physician nurse receptionist',
  'patient.search': 'clinic_admin physician nurse receptionist lab_technician billing privacy_officer',
} as const;
