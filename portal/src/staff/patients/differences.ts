// What two versions of a record differ in, field by field, as text to compare.
import type { PersonForm } from '../../clinic/person/person-form.ts';

export interface Difference {
  field: keyof PersonForm;
  mine: string;
  theirs: string;
}

const FIELDS: (keyof PersonForm)[] = [
  'names',
  'birth_date',
  'sex',
  'mrn',
  'phones',
  'emails',
  'addresses',
  'identifiers',
];

function line(value: PersonForm[keyof PersonForm]): string {
  if (typeof value === 'string') return value;
  return value.map((row) => Object.values(row).filter(Boolean).join(' ')).join('; ');
}

export function differences(mine: PersonForm, theirs: PersonForm): Difference[] {
  return FIELDS.map((field) => ({ field, mine: line(mine[field]), theirs: line(theirs[field]) })).filter(
    (one) => one.mine !== one.theirs,
  );
}
