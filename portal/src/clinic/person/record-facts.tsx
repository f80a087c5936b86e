// A record as facts to read: what the role is shown of a person, masked until asked for, ready to print.
import type { ReactNode } from 'react';
import type { Address, PatientView } from '../../api/clinic.gen.ts';
import { type Key, useText } from '../../text/text.tsx';
import { Button } from '../../ui/button.tsx';
import { PrintHead } from '../print-head.tsx';
import { fullName } from './names.ts';

interface Props {
  patient: PatientView;
  /** Whose name is on a printed page as who printed it. */
  reader: string;
  /** Shows the identifiers in full, where that can be asked for. */
  showFull?: (() => void) | undefined;
}

export function RecordFacts({ patient, reader, showFull }: Props) {
  const { t, date, moment, number } = useText();
  const identifiers = patient.identifiers ?? [];
  return (
    <>
      <PrintHead reader={reader} />
      <section className="panel facts">
        <dl>
          {/* Who is not shown the day is told the age. */}
          {patient.birth_date == null && patient.age_years != null ? (
            <Fact name={t('person.age')}>{number(patient.age_years)}</Fact>
          ) : (
            <Fact name={t('person.birth_date')}>{patient.birth_date ? date(patient.birth_date) : '–'}</Fact>
          )}
          <Fact name={t('person.sex')}>{patient.sex ? t(`sex.${patient.sex}`) : '–'}</Fact>
          <Fact name={t('person.mrn')}>
            <bdi>{patient.mrn ?? '–'}</bdi>
          </Fact>
        </dl>
      </section>
      <div className="columns">
        <Block title={t('person.names')}>
          {(patient.names ?? []).map((name, at) => (
            <Fact key={keyOf(name, at)} name={t(`name_use.${name.use ?? 'official'}`)}>
              <bdi>{fullName(name)}</bdi>
            </Fact>
          ))}
        </Block>
        <Block title={t('person.identifiers')} empty={identifiers.length === 0}>
          {identifiers.map((identifier, at) => (
            <Fact key={keyOf(identifier, at)} name={t(`identifier.${identifier.kind}`)}>
              <bdi className="number">{identifier.value}</bdi>
            </Fact>
          ))}
          {showFull && identifiers.length > 0 && (
            <div className="fact-action">
              <Button look="quiet" onClick={showFull}>
                {t('record.show_full')}
              </Button>
            </div>
          )}
        </Block>
        <ContactFacts patient={patient} />
      </div>
      <p className="quiet-text">
        {t('record.history', {
          registered: moment(patient.created_at),
          changed: moment(patient.updated_at),
          version: number(patient.version),
        })}
      </p>
    </>
  );
}

/** How somebody is reached. */
export function ContactFacts({ patient }: { patient: Pick<PatientView, 'phones' | 'emails' | 'addresses'> }) {
  const { t } = useText();
  const [phones, emails, addresses] = [patient.phones ?? [], patient.emails ?? [], patient.addresses ?? []];
  return (
    <>
      <Block title={t('person.contact')} empty={phones.length + emails.length === 0}>
        {phones.map((phone, at) => (
          <Fact key={keyOf(phone, at)} name={`${t('contact.phone')}${kindOf(phone.use, t)}`}>
            <bdi className="number">{phone.value}</bdi>
          </Fact>
        ))}
        {emails.map((email, at) => (
          <Fact key={keyOf(email, at)} name={`${t('contact.email')}${kindOf(email.use, t)}`}>
            <bdi>{email.value}</bdi>
          </Fact>
        ))}
      </Block>
      <Block title={t('person.addresses')} empty={addresses.length === 0}>
        {addresses.map((address, at) => (
          <Fact key={keyOf(address, at)} name={t(`contact_use.${address.use ?? 'home'}`)}>
            <AddressLines address={address} />
          </Fact>
        ))}
      </Block>
    </>
  );
}

/** Rows have no ids; their place and content are what they are. */
const keyOf = (row: object, at: number) => `${at} ${JSON.stringify(row)}`;
const kindOf = (use: string | null | undefined, t: (key: Key) => string) =>
  use ? ` · ${t(`contact_use.${use}` as Key)}` : '';

function Block({ title, empty = false, children }: { title: string; empty?: boolean; children: ReactNode }) {
  return (
    <section className="panel">
      <h2>{title}</h2>
      {empty ? <p className="quiet-text">–</p> : <dl>{children}</dl>}
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div className="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function AddressLines({ address }: { address: Address }) {
  const { country } = useText();
  const place = [address.city, address.district, address.state, address.postal_code].filter(Boolean).join(', ');
  const lines = [...(address.lines ?? []), place, address.country ? country(address.country) : ''].filter(Boolean);
  return lines.map((line) => (
    <bdi className="line" key={line}>
      {line}
    </bdi>
  ));
}
