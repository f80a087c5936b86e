// Registering a patient: before anything is stored, the clinic is searched for the same person.
import { useRef, useState } from 'react';
import { useForm } from 'react-hook-form';
import { useLocation } from 'wouter';
import { CallError, call, isRefused } from '../../api/call.ts';
import { type BriefView, patientCreate, patientSearch, type SearchInput } from '../../api/clinic.gen.ts';
import { EMPTY_PERSON, type PersonForm, toInput } from '../../clinic/person/person-form.ts';
import { clinic } from '../../paths.ts';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Page } from '../../ui/page.tsx';
import { PatientTable } from './patient-table.tsx';
import { PersonFields } from './person-fields.tsx';

/** What says that two records may be about one person: each search is by one of these. */
export function likenesses(form: PersonForm): SearchInput[] {
  const name = form.names[0] ? `${form.names[0].given} ${form.names[0].family}`.trim() : '';
  const first = <T extends { value: string }>(rows: T[]) => rows.find(({ value }) => value.trim() !== '')?.value.trim();
  const phone = first(form.phones);
  const email = first(form.emails);
  const mrn = form.mrn.trim();
  return [
    ...(name && form.birth_date ? [{ name, birth_date: form.birth_date }] : []),
    ...(phone ? [{ phone }] : []),
    ...(email ? [{ email }] : []),
    ...(mrn ? [{ mrn }] : []),
  ];
}

/** Who is like the person in the form; a search that cannot be asked finds nobody, and the server checks the rest. */
async function alike(form: PersonForm): Promise<BriefView[]> {
  const searches = likenesses(form).map(async (body) => {
    try {
      return (await call(patientSearch, { body })).data.items;
    } catch (error) {
      if (error instanceof CallError && (error.status === 400 || error.status === 422)) return [];
      throw error;
    }
  });
  const found = (await Promise.all(searches)).flat();
  return [...new Map(found.map((patient) => [patient.id, patient])).values()];
}

export function RegisterPatient() {
  const { t } = useText();
  const [, go] = useLocation();
  const form = useForm<PersonForm>({ defaultValues: EMPTY_PERSON });
  const [candidates, setCandidates] = useState<BriefView[]>([]);
  const { attempt, busy, failed } = useAttempt();
  // One key for one registration: pressed twice, or sent again after a broken connection, it stays one record.
  const key = useRef(crypto.randomUUID());

  const save = async (typed: PersonForm, look: () => Promise<BriefView[]>) => {
    setCandidates([]);
    const failure = await attempt(async () => {
      const found = await look();
      if (found.length > 0) return setCandidates(found);
      const { data } = await call(patientCreate, { body: toInput(typed), idempotencyKey: key.current });
      go(clinic.patient(data.id), { replace: true });
    }, form);
    if (isRefused(failure)) key.current = crypto.randomUUID();
  };
  const submit = form.handleSubmit((typed) => save(typed, () => alike(typed)));

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
            <Button look="danger" onClick={() => void save(form.getValues(), async () => [])}>
              {t('duplicate.anyway')}
            </Button>
          </>
        }
      >
        <p>{t('duplicate.text')}</p>
        <PatientTable patients={candidates} />
      </Confirm>
    </Page>
  );
}
