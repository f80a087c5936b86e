// Registering a patient: before anything is stored, the server is asked whether the person is there already.
import { useRef, useState } from 'react';
import { useForm } from 'react-hook-form';
import { useLocation } from 'wouter';
import { call, isRefused } from '../../api/call.ts';
import { type MatchView, patientCreate, patientMatch } from '../../api/clinic.gen.ts';
import { EMPTY_PERSON, type PersonForm, toInput } from '../../clinic/person/person-form.ts';
import { clinic } from '../../paths.ts';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Page } from '../../ui/page.tsx';
import { PatientTable } from './patient-table.tsx';
import { PersonFields } from './person-fields.tsx';

export function RegisterPatient() {
  const { t } = useText();
  const [, go] = useLocation();
  const form = useForm<PersonForm>({ defaultValues: EMPTY_PERSON });
  const [candidates, setCandidates] = useState<MatchView[]>([]);
  const { attempt, busy, failed } = useAttempt();
  // One key for one registration: pressed twice, or sent again after a broken connection, it stays one record.
  const key = useRef(crypto.randomUUID());

  const save = async (typed: PersonForm, { look }: { look: boolean }) => {
    setCandidates([]);
    const body = toInput(typed);
    const failure = await attempt(async () => {
      const found = look ? (await call(patientMatch, { body })).data.items : [];
      if (found.length > 0) return setCandidates(found);
      const { data } = await call(patientCreate, { body, idempotencyKey: key.current });
      go(clinic.patient(data.id), { replace: true });
    }, form);
    if (isRefused(failure)) key.current = crypto.randomUUID();
  };
  const submit = form.handleSubmit((typed) => save(typed, { look: true }));

  return (
    <Page title={t('register.title')}>
      <form onSubmit={submit} noValidate className="stack">
        <PersonFields form={form} />
        {failed}
        <div className="actions end">
          <Button onClick={() => go(clinic.patients)}>{t('cancel')}</Button>
          <Button type="submit" look="primary" busy={busy}>
            {t('register.go')}
          </Button>
        </div>
      </form>
      <Confirm
        open={candidates.length > 0}
        title={t('duplicate.title')}
        actions={
          <>
            <Button onClick={() => setCandidates([])}>{t('duplicate.back')}</Button>
            <Button look="danger" onClick={() => void save(form.getValues(), { look: false })}>
              {t('duplicate.anyway')}
            </Button>
          </>
        }
      >
        <p>{t('duplicate.text')}</p>
        <PatientTable
          patients={candidates.map(({ patient }) => patient)}
          same={new Map(candidates.map(({ patient, same }) => [patient.id, same]))}
        />
      </Confirm>
    </Page>
  );
}
