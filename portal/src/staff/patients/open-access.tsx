// Letting a patient see the own record: for the person in front of the desk, and ending it again.
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { useForm } from 'react-hook-form';
import { call } from '../../api/call.ts';
import {
  type OpenPatientAccess,
  type PatientView,
  patientAccessClose,
  patientAccessOpen,
  patientAccessRead,
} from '../../api/clinic.gen.ts';
import { MY_BASE } from '../../paths.ts';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Sheet } from '../../ui/dialog.tsx';
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
  const [opened, setOpened] = useState(found);
  const [ended, setEnded] = useState(false);
  const { attempt, busy, failed } = useAttempt();
  const form = useForm({ defaultValues: { email: patient.emails?.[0]?.value ?? '' } });
  const { errors, isSubmitting } = form.formState;
  const path = { id: patient.id };
  const submit = form.handleSubmit(async ({ email }) => {
    setEnded(false);
    await attempt(async () => {
      const { data } = await call(patientAccessOpen, { path, body: { email: email.trim() } });
      setOpened({ account: data.account, email: email.trim() });
    }, form);
  });
  if (opened) {
    const end = () =>
      attempt(async () => {
        await call(patientAccessClose, { path, body: { account: opened.account } });
        setOpened(undefined);
        setEnded(true);
      });
    return <IsOpen email={opened.email} {...{ busy, failed }} end={() => void end()} />;
  }
  return (
    <form onSubmit={submit} noValidate className="stack">
      {ended && <Notice kind="good" title={t('patient_access.ended')} />}
      <p>{t('patient_access.text')}</p>
      {failed}
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
  email: string;
  busy: boolean;
  failed: ReactNode;
  end: () => void;
}

function IsOpen({ email, busy, failed, end }: IsOpenProps) {
  const { t } = useText();
  return (
    <div className="stack">
      <Notice kind="good" title={t('patient_access.opened', { email })} />
      <p>
        {t('patient_access.where')} <code>{`${location.origin}${MY_BASE}`}</code>
      </p>
      <p>{t('patient_access.opened_text')}</p>
      {failed}
      <div className="actions end">
        <Button look="danger" busy={busy} onClick={end}>
          {t('patient_access.end')}
        </Button>
      </div>
    </div>
  );
}
