// Letting a patient see the own record: for the person in front of the desk, and ending it again.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { CallError, call } from '../../api/call.ts';
import {
  type OpenPatientAccess,
  type PatientView,
  patientAccessClose,
  patientAccessOpen,
  patientAccessRead,
} from '../../api/clinic.gen.ts';
import { MY_BASE } from '../../paths.ts';
import { useText } from '../../text/text.tsx';
import { Button } from '../../ui/button.tsx';
import { Sheet } from '../../ui/dialog.tsx';
import { useFaults } from '../../ui/faults.ts';
import { Failure, Loading, Notice } from '../../ui/feedback.tsx';
import { Field } from '../../ui/field.tsx';

export function OpenAccess({ patient }: { patient: PatientView }) {
  const { t } = useText();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button onClick={() => setOpen(true)}>{t('patient_access.go')}</Button>
      <Sheet open={open} close={() => setOpen(false)} title={t('patient_access.title')}>
        <Access patient={patient} />
      </Sheet>
    </>
  );
}

/** What is open is shown, so that nobody types an address again to end it. */
function Access({ patient }: { patient: PatientView }) {
  const access = useQuery({
    queryKey: ['patient-access', patient.id],
    queryFn: async ({ signal }) => (await call(patientAccessRead, { path: { id: patient.id }, signal })).data.open,
  });
  if (access.isPending) return <Loading lines={3} />;
  if (access.isError) return <Failure error={access.error} retry={() => void access.refetch()} />;
  return <AccessForm patient={patient} found={access.data ?? undefined} />;
}

function AccessForm({ patient, found }: { patient: PatientView; found: OpenPatientAccess | undefined }) {
  const { t } = useText();
  const faults = useFaults();
  const [opened, setOpened] = useState(found);
  const [ended, setEnded] = useState(false);
  const [failure, setFailure] = useState<unknown>();
  const form = useForm({ defaultValues: { email: patient.emails?.[0]?.value ?? '' } });
  const { errors, isSubmitting } = form.formState;
  const path = { id: patient.id };
  const submit = form.handleSubmit(async ({ email }) => {
    setFailure(undefined);
    setEnded(false);
    try {
      const { data } = await call(patientAccessOpen, { path, body: { email: email.trim() } });
      setOpened({ account: data.account, email: email.trim() });
    } catch (error) {
      if (!(error instanceof CallError && faults.put(form, error))) setFailure(error);
    }
  });
  const end = async ({ account }: OpenPatientAccess) => {
    setFailure(undefined);
    try {
      await call(patientAccessClose, { path, body: { account } });
      setOpened(undefined);
      setEnded(true);
    } catch (error) {
      setFailure(error);
    }
  };
  if (opened) return <IsOpen opened={opened} failure={failure} end={end} />;
  return (
    <form onSubmit={submit} noValidate className="stack">
      {ended && <Notice kind="good" title={t('patient_access.ended')} />}
      <p>{t('patient_access.text')}</p>
      {failure !== undefined && <Failure error={failure} />}
      <Field
        label={t('patient_access.email')}
        hint={t('patient_access.email_hint')}
        type="email"
        fault={errors.email && (errors.email.message || t('fault.required'))}
        {...form.register('email', { required: true })}
      />
      <div className="actions end">
        <Button type="submit" look="primary" busy={isSubmitting}>
          {t('patient_access.open')}
        </Button>
      </div>
    </form>
  );
}

interface IsOpenProps {
  opened: OpenPatientAccess;
  failure: unknown;
  end: (opened: OpenPatientAccess) => Promise<void>;
}

function IsOpen({ opened, failure, end }: IsOpenProps) {
  const { t } = useText();
  const [busy, setBusy] = useState(false);
  const endIt = async () => {
    setBusy(true);
    await end(opened);
    setBusy(false);
  };
  return (
    <div className="stack">
      <Notice kind="good" title={t('patient_access.opened', { email: opened.email })} />
      <p>
        {t('patient_access.where')} <code>{`${location.origin}${MY_BASE}`}</code>
      </p>
      <p>{t('patient_access.opened_text')}</p>
      {failure !== undefined && <Failure error={failure} />}
      <div className="actions end">
        <Button look="danger" busy={busy} onClick={() => void endIt()}>
          {t('patient_access.end')}
        </Button>
      </div>
    </div>
  );
}
