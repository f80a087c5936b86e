// Correcting a record: the change names the version it was made from, and a newer one is shown beside it, never lost.
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { Link, useLocation } from 'wouter';
import { type Answer, call, isStale } from '../../api/call.ts';
import { type PatientView, patientRead, patientUpdate } from '../../api/clinic.gen.ts';
import { type PersonForm, toForm, toInput } from '../../clinic/person/person-form.ts';
import { usePatient } from '../../clinic/person/use-patient.ts';
import { clinic } from '../../paths.ts';
import { type Key, useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Failure, Loading } from '../../ui/feedback.tsx';
import { Page } from '../../ui/page.tsx';
import { type Difference, differences } from './differences.ts';
import { PersonFields } from './person-fields.tsx';

export function EditPatient({ id }: { id: string }) {
  const { t } = useText();
  const patient = usePatient(id);
  return (
    <Page
      title={t('edit.title')}
      above={
        <Link className="back" href={clinic.patient(id)}>
          ← {t('record.title')}
        </Link>
      }
    >
      {patient.isPending && <Loading lines={8} />}
      {patient.isError && <Failure error={patient.error} retry={() => void patient.refetch()} />}
      {patient.isSuccess && <EditForm key={patient.data.etag} read={patient.data} />}
    </Page>
  );
}

interface Conflict {
  newer: Answer<PatientView>;
  differences: Difference[];
}

function EditForm({ read }: { read: Answer<PatientView> }) {
  const { t } = useText();
  const queries = useQueryClient();
  const [, go] = useLocation();
  const [base, setBase] = useState(read);
  const { attempt, busy, failed } = useAttempt();
  const [conflict, setConflict] = useState<Conflict>();
  const form = useForm<PersonForm>({ defaultValues: toForm(read.data) });
  const id = read.data.id;

  const save = (typed: PersonForm, from: Answer<PatientView>) =>
    attempt(async () => {
      try {
        await call(patientUpdate, { path: { id }, body: toInput(typed, from.data), ifMatch: from.etag });
      } catch (error) {
        if (!isStale(error)) throw error;
        const newer = await call(patientRead, { path: { id } });
        setConflict({ newer, differences: differences(typed, toForm(newer.data)) });
        return;
      }
      queries.removeQueries({ queryKey: ['patient', id] });
      go(clinic.patient(id), { replace: true });
    }, form);
  const takeNewer = (newer: Answer<PatientView>) => {
    setBase(newer);
    form.reset(toForm(newer.data));
    setConflict(undefined);
  };
  const keepMine = (newer: Answer<PatientView>) => {
    setBase(newer);
    setConflict(undefined);
    void save(form.getValues(), newer);
  };

  return (
    <>
      <form onSubmit={form.handleSubmit((typed) => save(typed, base))} noValidate className="stack">
        <PersonFields form={form} />
        {failed}
        <div className="actions end">
          <Button onClick={() => go(clinic.patient(id))}>{t('cancel')}</Button>
          <Button type="submit" look="primary" busy={busy}>
            {t('edit.go')}
          </Button>
        </div>
      </form>
      <Confirm
        open={conflict !== undefined}
        title={t('conflict.title')}
        actions={
          conflict && (
            <>
              <Button onClick={() => setConflict(undefined)}>{t('conflict.look')}</Button>
              <Button onClick={() => takeNewer(conflict.newer)}>{t('conflict.take')}</Button>
              <Button look="danger" onClick={() => keepMine(conflict.newer)}>
                {t('conflict.keep')}
              </Button>
            </>
          )
        }
      >
        <p>{t('conflict.text')}</p>
        {conflict && <DifferenceTable differences={conflict.differences} />}
      </Confirm>
    </>
  );
}

function DifferenceTable({ differences }: { differences: Difference[] }) {
  const { t } = useText();
  if (differences.length === 0) return <p>{t('conflict.same')}</p>;
  return (
    <table className="table">
      <thead>
        <tr>
          <th scope="col">{t('conflict.field')}</th>
          <th scope="col">{t('conflict.mine')}</th>
          <th scope="col">{t('conflict.theirs')}</th>
        </tr>
      </thead>
      <tbody>
        {differences.map(({ field, mine, theirs }) => (
          <tr key={field}>
            <th scope="row">{t(`person.${field}` as Key)}</th>
            <td data-label={t('conflict.mine')}>
              <bdi>{mine || '–'}</bdi>
            </td>
            <td data-label={t('conflict.theirs')}>
              <bdi>{theirs || '–'}</bdi>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
