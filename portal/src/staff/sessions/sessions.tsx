// How long the clinic's sessions live: an administrator shortens what the region allows and lengthens nothing.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { call } from '../../api/call.ts';
import { type SessionPolicy, sessionPolicyChange, sessionPolicyRead, sessionRead } from '../../api/clinic.gen.ts';
import { useStepUp } from '../../clinic/account/step-up.tsx';
import type { Me } from '../../clinic/me.ts';
import { IDLE_S } from '../../place.ts';
import { useSession } from '../../shell/session.tsx';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Failure, Loading, Notice } from '../../ui/feedback.tsx';
import { Field } from '../../ui/field.tsx';
import { Page } from '../../ui/page.tsx';
import { fromMinutes, toMinutes } from './minutes.ts';

/** The shortest that the server takes, in minutes (app/src/auth/policy.rs). */
const IDLE_MIN = 1;
const ABSOLUTE_MIN = 15;

export default function Sessions() {
  const { t } = useText();
  const queries = useQueryClient();
  const [changed, setChanged] = useState(false);
  const policy = useQuery({
    queryKey: ['session-policy'],
    queryFn: async ({ signal }) => (await call(sessionPolicyRead, { signal })).data,
  });
  return (
    <Page title={t('session_policy.title')}>
      <p>{t('session_policy.text')}</p>
      {changed && <Notice kind="good" title={t('session_policy.changed')} />}
      {policy.isPending && <Loading lines={3} />}
      {policy.isError && <Failure error={policy.error} retry={() => void policy.refetch()} />}
      {policy.data && (
        <PolicyForm
          policy={policy.data}
          begun={() => setChanged(false)}
          changed={async () => {
            await queries.invalidateQueries({ queryKey: ['session-policy'] });
            setChanged(true);
          }}
        />
      )}
    </Page>
  );
}

interface FormProps {
  policy: SessionPolicy;
  begun: () => void;
  changed: () => Promise<void>;
}

function PolicyForm({ policy, begun, changed }: FormProps) {
  const { t, number } = useText();
  const fresh = useStepUp();
  const { begin } = useSession<Me>();
  const { attempt, failed } = useAttempt();
  const form = useForm({
    defaultValues: { idle_s: toMinutes(policy.idle_s), absolute_s: toMinutes(policy.absolute_s) },
  });
  const { errors, isSubmitting } = form.formState;
  const words = (fault: { message?: string } | undefined) => fault && (fault.message || t('fault.out_of_range'));
  const submit = form.handleSubmit(async (typed) => {
    begun();
    const body = { idle_s: fromMinutes(typed.idle_s), absolute_s: fromMinutes(typed.absolute_s) };
    await attempt(async () => {
      await fresh(() => call(sessionPolicyChange, { body }));
      // This page's own warning goes by the new time too.
      const { data } = await call(sessionRead);
      await begin(data.csrf_token);
      await changed();
    }, form);
  });
  const isTime = (typed: string) => fromMinutes(typed) > 0;
  return (
    <form onSubmit={submit} noValidate className="panel">
      <div className="grid">
        <Field
          label={t('session_policy.idle')}
          hint={t('session_policy.idle_hint', { least: number(IDLE_MIN), most: number(IDLE_S / 60) })}
          inputMode="decimal"
          fault={words(errors.idle_s)}
          {...form.register('idle_s', { validate: isTime })}
        />
        <Field
          label={t('session_policy.absolute')}
          hint={t('session_policy.absolute_hint', { least: number(ABSOLUTE_MIN) })}
          inputMode="decimal"
          fault={words(errors.absolute_s)}
          {...form.register('absolute_s', { validate: isTime })}
        />
      </div>
      <p className="quiet-text">{t('session_policy.patients')}</p>
      {failed}
      <div className="actions end">
        <Button type="submit" look="primary" busy={isSubmitting}>
          {t('session_policy.go')}
        </Button>
      </div>
    </form>
  );
}
