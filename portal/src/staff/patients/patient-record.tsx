// A patient's record: what the role may see, masked until asked for, ready to print.
import { type ReactNode, useState } from 'react';
import { Link } from 'wouter';
import type { Address, PatientView } from '../../api/clinic.gen.ts';
import { clinic } from '../../paths.ts';
import { CLINIC, REGION } from '../../place.ts';
import { useMe } from '../../shell/session.tsx';
import { type Key, useText } from '../../text/text.tsx';
import { Button } from '../../ui/button.tsx';
import { Failure, Loading } from '../../ui/feedback.tsx';
import { Page } from '../../ui/page.tsx';
import { type Me, may } from '../me.ts';
import { displayName, nameLine } from './person-form.ts';
import { type Shown, usePatient } from './use-patient.ts';

export function PatientRecord({ id }: { id: string }) {
  const { t } = useText();
  const [shown, setShown] = useState<Shown>('masked');
  const patient = usePatient(id, shown);
  const tab = t('record.title');
  if (patient.isPending) {
    return (
      <Page title={tab}>
        <Loading lines={8} />
      </Page>
    );
  }
  if (patient.isError) {
    return (
      <Page title={tab} above={<Back />}>
        <Failure error={patient.error} retry={() => void patient.refetch()} />
      </Page>
    );
  }
  return <Record patient={patient.data.data} shown={shown} show={() => setShown('full')} />;
}

function Back() {
  const { t } = useText();
  return (
    <Link className="back" href={clinic.patients}>
      ← {t('patients.title')}
    </Link>
  );
}

function Record({ patient, shown, show }: { patient: PatientView; shown: Shown; show: () => void }) {
  const { t, date, moment } = useText();
  const me = useMe<Me>();
  return (
    <Page
      title={<bdi>{displayName(patient.names ?? [])}</bdi>}
      tab={t('record.title')}
      above={<Back />}
      actions={
        <>
          {may(me.role, 'document.list') && (
            <Link className="button" href={clinic.documents(patient.id)}>
              {t('documents.title')}
            </Link>
          )}
          {may(me.role, 'care_team.read') && (
            <Link className="button" href={clinic.careTeam(patient.id)}>
              {t('team.title')}
            </Link>
          )}
          <Button onClick={() => window.print()}>{t('record.print')}</Button>
          {may(me.role, 'patient.update') && (
            <Link className="button primary" href={clinic.editPatient(patient.id)}>
              {t('record.edit')}
            </Link>
          )}
        </>
      }
    >
      <PrintHead />
      <section className="panel facts">
        <dl>
          <Fact name={t('person.birth_date')}>{patient.birth_date ? date(patient.birth_date) : '–'}</Fact>
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
              <bdi>{[name.prefix, nameLine(name)].filter(Boolean).join(' ')}</bdi>
            </Fact>
          ))}
        </Block>
        <Block title={t('person.identifiers')} empty={(patient.identifiers ?? []).length === 0}>
          {(patient.identifiers ?? []).map((identifier, at) => (
            <Fact key={keyOf(identifier, at)} name={t(`identifier.${identifier.kind}`)}>
              <bdi className="number">{identifier.value}</bdi>
            </Fact>
          ))}
          {shown === 'masked' && (patient.identifiers ?? []).length > 0 && (
            <div className="fact-action">
              <Button look="quiet" onClick={show}>
                {t('record.show_full')}
              </Button>
            </div>
          )}
        </Block>
        <Block title={t('person.contact')} empty={(patient.phones ?? []).length + (patient.emails ?? []).length === 0}>
          {(patient.phones ?? []).map((phone, at) => (
            <Fact key={keyOf(phone, at)} name={`${t('contact.phone')}${kindOf(phone.use, t)}`}>
              <bdi className="number">{phone.value}</bdi>
            </Fact>
          ))}
          {(patient.emails ?? []).map((email, at) => (
            <Fact key={keyOf(email, at)} name={`${t('contact.email')}${kindOf(email.use, t)}`}>
              <bdi>{email.value}</bdi>
            </Fact>
          ))}
        </Block>
        <Block title={t('person.addresses')} empty={(patient.addresses ?? []).length === 0}>
          {(patient.addresses ?? []).map((address, at) => (
            <Fact key={keyOf(address, at)} name={t(`contact_use.${address.use ?? 'home'}`)}>
              <AddressLines address={address} />
            </Fact>
          ))}
        </Block>
      </div>
      <p className="quiet-text">
        {t('record.history', {
          registered: moment(patient.created_at),
          changed: moment(patient.updated_at),
          version: patient.version,
        })}
      </p>
    </Page>
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

/** On paper: whose record this is, where it was printed, by whom and when. */
function PrintHead() {
  const { t, moment } = useText();
  const me = useMe<Me>();
  return (
    <p className="print-only">
      {t('record.printed', {
        clinic: CLINIC,
        region: t(`region.${REGION}` as Key),
        who: me.display_name,
        when: moment(new Date().toISOString()),
      })}
    </p>
  );
}
