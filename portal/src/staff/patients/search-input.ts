// What is typed as the body of a search. It is a body, never an address: nothing of a patient is in a URL.
import type { IdentifierKind, SearchInput } from '../../api/clinic.gen.ts';
import type { Jurisdiction } from '../../place.ts';

export type Criterion = 'name_starts_with' | 'mrn' | 'phone' | 'email' | IdentifierKind;

const EVERYWHERE: Criterion[] = ['name_starts_with', 'mrn', 'phone', 'email'];

/** The kinds of identifier that a clinic of the region keeps. */
export const IDENTIFIER_KINDS: Record<Jurisdiction, [IdentifierKind, ...IdentifierKind[]]> = {
  US: ['ssn_last4', 'insurance_member_id'],
  IN: ['abha_number', 'abha_address'],
};

export const CRITERIA: Record<Jurisdiction, Criterion[]> = {
  US: [...EVERYWHERE, ...IDENTIFIER_KINDS.US],
  IN: [...EVERYWHERE, ...IDENTIFIER_KINDS.IN],
};

/** Characters below which a search says too little to be asked. */
const TYPED_MIN_CHARS = 2;

/** The search, or nothing while too little is typed. */
export function searchInput(criterion: Criterion, typed: string, birthDate: string): SearchInput | undefined {
  const text = typed.trim();
  if ([...text].length < TYPED_MIN_CHARS) return undefined;
  const narrowed = birthDate ? { birth_date: birthDate } : {};
  switch (criterion) {
    case 'name_starts_with':
      return { name_starts_with: text, ...narrowed };
    case 'mrn':
    case 'phone':
    case 'email':
      return { [criterion]: text };
    default:
      return { identifier: { kind: criterion, value: text }, ...narrowed };
  }
}
