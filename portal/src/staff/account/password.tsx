// Changing the own password, which ends every other session.
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { call } from '../../api/call.ts';
import { passwordChange } from '../../api/clinic.gen.ts';
import { useStepUp } from '../../clinic/account/step-up.tsx';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Notice } from '../../ui/feedback.tsx';
import { Field } from '../../ui/field.tsx';

export function Password({ changed }: { changed: () => void }) {
  const { t } = useText();
  const fresh = useStepUp();
  const [done, setDone] = useState(false);
  const { attempt, failed } = useAttempt();
  const form = useForm({ defaultValues: { current: '', new: '' } });
  const { errors, isSubmitting } = form.formState;
  const submit = form.handleSubmit(async (typed) => {
    setDone(false);
    await attempt(async () => {
      await fresh(() => call(passwordChange, { body: typed }));
      form.reset();
      setDone(true);
      changed();
    }, form);
  });
  return (
    <section className="panel" aria-label={t('password.title')}>
      <h2>{t('password.title')}</h2>
      {done && <Notice kind="good" title={t('password.done')} />}
      {failed}
      <form onSubmit={submit} noValidate className="stack">
        <Field
          label={t('password.current')}
          type="password"
          autoComplete="current-password"
          fault={errors.current && (errors.current.message || t('fault.required'))}
          {...form.register('current', { required: true })}
        />
        <Field
          label={t('password.new')}
          type="password"
          autoComplete="new-password"
          fault={errors.new && (errors.new.message || t('fault.required'))}
          {...form.register('new', { required: true })}
        />
        <div className="actions">
          <Button type="submit" busy={isSubmitting}>
            {t('password.go')}
          </Button>
        </div>
      </form>
    </section>
  );
}
