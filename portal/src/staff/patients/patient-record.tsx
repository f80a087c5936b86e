// A patient's record as staff see it, with the ways to what surrounds it.
import { useState } from 'react';
import { Link } from 'wouter';
import type { PatientView } from '../../api/clinic.gen.ts';
import { type Me, may } from '../../clinic/me.ts';
import { displayName } from '../../clinic/person/names.ts';
import { RecordFacts } from '../../clinic/person/record-facts.tsx';
import { type Shown, usePatient } from '../../clinic/person/use-patient.ts';
import { clinic } from '../../paths.ts';
import { useMe } from '../../shell/session.tsx';
import { useText } from '../../text/text.tsx';
import { Back } from '../../ui/back.tsx';
import { Button } from '../../ui/button.tsx';
import { Failure, Loading } from '../../ui/feedback.tsx';
import { Page } from '../../ui/page.tsx';
import { OpenAccess } from './open-access.tsx';
import { RegisteredAt } from './registered-at.tsx';

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
      <Page title={tab} above={<Back to={clinic.patients} label={t('patients.title')} />}>
        <Failure error={patient.error} retry={() => void patient.refetch()} />
      </Page>
    );
  }
  const showFull = shown === 'masked' ? () => setShown('full') : undefined;
  return <Record patient={patient.data.data} showFull={showFull} />;
}

function Record({ patient, showFull }: { patient: PatientView; showFull: (() => void) | undefined }) {
  const { t } = useText();
  const me = useMe<Me>();
  return (
    <Page
      // Who is shown no name still has a heading.
      title={<bdi>{displayName(patient.names ?? []) || t('record.title')}</bdi>}
      tab={t('record.title')}
      above={may(me.role, 'patient.search') && <Back to={clinic.patients} label={t('patients.title')} />}
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
          {may(me.role, 'proxy.list') && (
            <Link className="button" href={clinic.proxies(patient.id)}>
              {t('proxies.title')}
            </Link>
          )}
          {may(me.role, 'correction.list') && (
            <Link className="button" href={clinic.patientCorrections(patient.id)}>
              {t('waiting.of_patient')}
            </Link>
          )}
          {may(me.role, 'disclosure.record') && (
            <Link className="button" href={clinic.uses(patient.id)}>
              {t(may(me.role, 'audit.access_report') ? 'uses.title' : 'uses.only_given')}
            </Link>
          )}
          {may(me.role, 'erasure.read') && (
            <Link className="button" href={clinic.erasure(patient.id)}>
              {t(may(me.role, 'legal_hold.list') ? 'erasure.title_holds' : 'erasure.title')}
            </Link>
          )}
          {may(me.role, 'patient.access_open') && <OpenAccess patient={patient} />}
          {may(me.role, 'patient.sites') && <RegisteredAt patient={patient.id} />}
          <Button onClick={() => window.print()}>{t('record.print')}</Button>
          {may(me.role, 'patient.update') && (
            <Link className="button primary" href={clinic.editPatient(patient.id)}>
              {t('record.edit')}
            </Link>
          )}
        </>
      }
    >
      <RecordFacts patient={patient} reader={me.display_name} showFull={showFull} />
    </Page>
  );
}
