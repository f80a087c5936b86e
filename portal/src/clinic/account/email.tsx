// The address that somebody signs in with, and changing it: a code goes to the new one and is entered here.
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { call } from '../../api/call.ts';
import { emailAsk, emailChange, type FactorsView } from '../../api/clinic.gen.ts';
import { useMe, useSession } from '../../shell/session.tsx';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Notice } from '../../ui/feedback.tsx';
import { Field } from '../../ui/field.tsx';
import type { Me } from '../me.ts';
import { SentCode } from './sent-code.tsx';
import { useStepUp } from './step-up.tsx';
import { hasFactor } from './use-factors.ts';
import { SESSIONS_KEY } from './use-sessions.ts';

/** Where the change is: not begun, an address is asked for, or a code was sent to it. */
type Step = 'shown' | 'asking' | { email: string; until: string };

export function Email({ factors }: { factors: FactorsView }) {
  const { t, moment } = useText();
  const fresh = useStepUp();
  const me = useMe<Me>();
  const { retry: lookAgain } = useSession<Me>();
  const queries = useQueryClient();
  const [step, setStep] = useState<Step>('shown');
  const [changed, setChanged] = useState<string>();
  const done = (email: string) => {
    setStep('shown');
    setChanged(email);
    lookAgain();
    void queries.invalidateQueries({ queryKey: SESSIONS_KEY });
  };
  const use = async (email: string, code: string) => {
    await fresh(() => call(emailChange, { body: { code } }));
    done(email);
  };
  const begin = () => {
    setChanged(undefined);
    setStep('asking');
  };
  return (
    <section className="panel" aria-label={t('sign_in.email')}>
      <h2>{t('sign_in.email')}</h2>
      <p>
        <bdi>{me.email}</bdi>
      </p>
      <p className="quiet-text">{t('email.text')}</p>
      {changed && <Notice kind="good" title={t('email.done', { email: changed })} />}
      {step === 'asking' && <NewAddress sent={(email, until) => setStep({ email, until })} />}
      {typeof step === 'object' && (
        <SentCode
          sent={t('email.sent', { email: step.email, when: moment(step.until) })}
          label={t('email.code')}
          go={t('email.go')}
          other={t('email.again')}
          use={(code) => use(step.email, code)}
          again={begin}
        />
      )}
      {step === 'shown' && !hasFactor(factors) && <p className="quiet-text">{t('email.factor_first')}</p>}
      {step === 'shown' && hasFactor(factors) && (
        <div className="actions">
          <Button onClick={begin}>{t('email.change')}</Button>
        </div>
      )}
    </section>
  );
}

function NewAddress({ sent }: { sent: (email: string, until: string) => void }) {
  const { t } = useText();
  const fresh = useStepUp();
  const { attempt, failed } = useAttempt();
  const form = useForm({ defaultValues: { email: '' } });
  const { errors, isSubmitting } = form.formState;
  const submit = form.handleSubmit(({ email }) =>
    attempt(async () => {
      const { data } = await fresh(() => call(emailAsk, { body: { email: email.trim() } }));
      sent(email.trim(), data.expires_at);
    }, form),
  );
  return (
    <form onSubmit={submit} noValidate className="stack">
      {failed}
      <Field
        label={t('email.new')}
        type="email"
        autoComplete="email"
        inputMode="email"
        fault={errors.email && (errors.email.message || t('fault.required'))}
        {...form.register('email', { required: true })}
      />
      <div className="actions">
        <Button type="submit" busy={isSubmitting}>
          {t('email.ask')}
        </Button>
      </div>
    </form>
  );
}
