// How the clinic keeps large imaging: sealed under the patient's key like everything, or from a size on by the storage alone.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { call } from '../../api/call.ts';
import { type DocumentPolicy, documentPolicyChange, documentPolicyRead } from '../../api/clinic.gen.ts';
import { useStepUp } from '../../clinic/account/step-up.tsx';
import { type Me, may } from '../../clinic/me.ts';
import { useMe } from '../../shell/session.tsx';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Failure, Loading, Notice } from '../../ui/feedback.tsx';
import { Field } from '../../ui/field.tsx';
import { Page } from '../../ui/page.tsx';
import { fromMebibytes, toMebibytes } from './mebibytes.ts';

const KEY = ['document-policy'];

export default function Imaging() {
  const { t } = useText();
  const me = useMe<Me>();
  const queries = useQueryClient();
  const [changed, setChanged] = useState(false);
  const policy = useQuery({
    queryKey: KEY,
    queryFn: async ({ signal }) => (await call(documentPolicyRead, { signal })).data,
  });
  return (
    <Page title={t('imaging.title')}>
      <p>{t('imaging.text')}</p>
      {changed && <Notice kind="good" title={t('imaging.changed')} />}
      {policy.isPending && <Loading lines={3} />}
      {policy.isError && <Failure error={policy.error} retry={() => void policy.refetch()} />}
      {policy.data && <Now policy={policy.data} />}
      {policy.data && may(me.role, 'document_policy.change') && (
        <PolicyForm
          policy={policy.data}
          begun={() => setChanged(false)}
          changed={async () => {
            await queries.invalidateQueries({ queryKey: KEY });
            setChanged(true);
          }}
        />
      )}
    </Page>
  );
}

function Now({ policy }: { policy: DocumentPolicy }) {
  const { t, number } = useText();
  const from = policy.direct_imaging_from_bytes;
  return <p className="big">{from ? t('imaging.from_now', { size: number(toMebibytes(from)) }) : t('imaging.none')}</p>;
}

interface FormProps {
  policy: DocumentPolicy;
  begun: () => void;
  changed: () => Promise<void>;
}

function PolicyForm({ policy, begun, changed }: FormProps) {
  const { t } = useText();
  const fresh = useStepUp();
  const { attempt, failed } = useAttempt();
  const from = policy.direct_imaging_from_bytes;
  const form = useForm({ defaultValues: { direct_imaging_from_bytes: from ? String(toMebibytes(from)) : '' } });
  const { errors, isSubmitting } = form.formState;
  const submit = form.handleSubmit(async (typed) => {
    begun();
    await attempt(async () => {
      const body = { direct_imaging_from_bytes: fromMebibytes(typed.direct_imaging_from_bytes) };
      await fresh(() => call(documentPolicyChange, { body }));
      await changed();
    }, form);
  });
  return (
    <form onSubmit={submit} noValidate className="panel stack">
      {failed}
      <Field
        label={t('imaging.from')}
        hint={t('imaging.from_hint')}
        optional={t('optional')}
        inputMode="numeric"
        fault={errors.direct_imaging_from_bytes?.message}
        {...form.register('direct_imaging_from_bytes')}
      />
      <div className="actions end">
        <Button type="submit" look="primary" busy={isSubmitting}>
          {t('edit.go')}
        </Button>
      </div>
    </form>
  );
}
