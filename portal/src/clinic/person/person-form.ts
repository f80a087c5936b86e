// A record as its form holds it, and back. What nobody touched goes back exactly as it came.
import type {
  Address,
  ContactInput,
  ContactUse,
  IdentifierKind,
  NameUse,
  PatientInput,
  PatientView,
} from '../../api/clinic.gen.ts';

interface Contact {
  value: string;
  use: ContactUse | '';
}

export interface PersonForm {
  names: { use: NameUse; prefix: string; given: string; family: string }[];
  birth_date: string;
  sex: PatientInput['sex'];
  phones: Contact[];
  emails: Contact[];
  addresses: {
    use: ContactUse | '';
    lines: string;
    city: string;
    district: string;
    state: string;
    postal_code: string;
    country: string;
  }[];
  mrn: string;
  identifiers: { kind: IdentifierKind; value: string }[];
}

/** The server's limits (app/src/patients/rules.rs). */
export const LIMITS = { names: 5, contacts: 5, identifiers: 6 } as const;

export const NAME: PersonForm['names'][number] = { use: 'official', prefix: '', given: '', family: '' };
export const CONTACT: Contact = { value: '', use: '' };
export const ADDRESS: PersonForm['addresses'][number] = {
  use: '',
  lines: '',
  city: '',
  district: '',
  state: '',
  postal_code: '',
  country: '',
};

export const EMPTY_PERSON: PersonForm = {
  names: [NAME],
  birth_date: '',
  sex: 'unknown',
  phones: [CONTACT],
  emails: [],
  addresses: [],
  mrn: '',
  identifiers: [],
};

export function toForm(patient: PatientView): PersonForm {
  const contact = ({ value, use }: { value: string; use?: ContactUse | null | undefined }): Contact => ({
    value,
    use: use ?? '',
  });
  return {
    names: (patient.names ?? []).map((name) => ({
      use: name.use ?? 'official',
      prefix: name.prefix ?? '',
      given: (name.given ?? []).join(' '),
      family: name.family ?? '',
    })),
    birth_date: patient.birth_date ?? '',
    sex: patient.sex ?? 'unknown',
    phones: (patient.phones ?? []).map(contact),
    emails: (patient.emails ?? []).map(contact),
    addresses: (patient.addresses ?? []).map((address) => ({
      use: address.use ?? '',
      lines: (address.lines ?? []).join('\n'),
      city: address.city ?? '',
      district: address.district ?? '',
      state: address.state ?? '',
      postal_code: address.postal_code ?? '',
      country: address.country ?? '',
    })),
    mrn: patient.mrn ?? '',
    identifiers: (patient.identifiers ?? []).map(({ kind, value }) => ({ kind, value })),
  };
}

const filled = (text: string) => text.trim() || undefined;

/** Only what is filled in; the server tells absent from empty. */
function present<T extends object>(fields: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

/** Given names as they were, if the text still says the same: a name of two words stays one name. */
function given(text: string, before: string[] | undefined): string[] {
  return before?.join(' ') === text ? before : text.split(/\s+/u).filter(Boolean);
}

export function toInput(form: PersonForm, before?: PatientView): PatientInput {
  return present<PatientInput>({
    names: form.names.map((name, at) => ({
      ...present<{ use: NameUse; prefix?: string; family?: string }>({
        use: name.use,
        prefix: filled(name.prefix),
        family: filled(name.family),
      }),
      given: given(name.given, before?.names?.[at]?.given),
    })),
    birth_date: form.birth_date,
    sex: form.sex,
    ...toContact(form),
    mrn: filled(form.mrn),
    identifiers: form.identifiers.filter(({ value }) => value.trim() !== ''),
  });
}

/** How somebody is reached, and nothing else of the record. */
export function toContact(form: PersonForm): ContactInput {
  return {
    phones: contacts(form.phones),
    emails: contacts(form.emails),
    addresses: form.addresses.map(toAddress),
  };
}

function contacts(rows: Contact[]) {
  const kept = rows.filter(({ value }) => value.trim() !== '');
  return kept.map(({ value, use }) => ({ value: value.trim(), ...(use ? { use } : {}) }));
}

function toAddress(row: PersonForm['addresses'][number]): Address {
  return present<Address>({
    use: row.use || undefined,
    lines: row.lines
      .split('\n')
      .map((line) => line.trim())
      .filter(Boolean),
    city: filled(row.city),
    district: filled(row.district),
    state: filled(row.state),
    postal_code: filled(row.postal_code),
    country: filled(row.country)?.toUpperCase(),
  });
}
