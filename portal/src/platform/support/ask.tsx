// Asking a clinic for a support grant, from the clinic's page. Its administrator answers in the clinic.
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { useLocation } from 'wouter';
import { call } from '../../api/call.ts';
import { supportAsk, type TenantView } from '../../api/platform.gen.ts';
import { console_ } from '../../paths.ts';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Sheet } from '../../ui/dialog.tsx';
import { Select, TextArea } from '../../ui/field.tsx';

/** What can be asked for, in minutes. */
const MINUTES = [15, 30, 60, 120, 240, 480];

export function AskSupport({ tenant }: { tenant: TenantView }) {
  const { t } = useText();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button look="primary" onClick={() => setOpen(true)}>
        {t('support.ask')}
      </Button>
      <Sheet open={open} close={() => setOpen(false)} title={t('support.ask_title', { slug: tenant.slug })}>
        <AskForm tenant={tenant} />
      </Sheet>
    </>
  );
}

function AskForm({ tenant }: { tenant: TenantView }) {
  const { t, number } = useText();
  const [, go] = useLocation();
  const { attempt, failed } = useAttempt();
  const form = useForm({ defaultValues: { reason: '', minutes: 60 } });
  const { errors, isSubmitting } = form.formState;
  const submit = form.handleSubmit((typed) =>
    attempt(async () => {
      const { data } = await call(supportAsk, { path: { id: tenant.id }, body: typed });
      go(console_.grant(data.id));
    }, form),
  );
  return (
    <form onSubmit={submit} noValidate className="stack">
      <p>{t('support.ask_text')}</p>
      {failed}
      <TextArea
        label={t('support.reason')}
        hint={t('support.reason_hint')}
        maxLength={500}
        fault={errors.reason && (errors.reason.message || t('fault.required'))}
        {...form.register('reason', { required: true })}
      />
      <Select
        label={t('support.minutes')}
        fault={errors.minutes?.message}
        {...form.register('minutes', { valueAsNumber: true })}
      >
        {MINUTES.map((minutes) => (
          <option key={minutes} value={minutes}>
            {t('support.minutes_of', { count: number(minutes) })}
          </option>
        ))}
      </Select>
      <div className="actions end">
        <Button type="submit" look="primary" busy={isSubmitting}>
          {t('support.go')}
        </Button>
      </div>
    </form>
  );
}
