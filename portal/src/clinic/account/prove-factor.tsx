// The second step: a code of the authenticator app, a recovery code or a passkey, at sign-in and again where a fresh one is needed.
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { call } from '../../api/call.ts';
import { passkeyChallenge, sessionProve } from '../../api/clinic.gen.ts';
import { Door } from '../../shell/door.tsx';
import { answerWithPasskey, passkeysWork } from '../../shell/passkey.ts';
import { useSession } from '../../shell/session.tsx';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Field } from '../../ui/field.tsx';
import { useTitle } from '../../ui/title.ts';
import type { Me } from '../me.ts';
import { usePlaceLine } from '../place.ts';

/** Asks for a code and proves it; the session's new token is handed on. */
export function FactorForm({ done }: { done: (csrfToken: string) => Promise<void> | void }) {
  const { t } = useText();
  const [recovery, setRecovery] = useState(false);
  const { attempt, busy, failed } = useAttempt();
  const form = useForm({ defaultValues: { code: '' } });
  const { isSubmitting, errors } = form.formState;
  const submit = form.handleSubmit(async ({ code }) => {
    const typed = code.replace(/\s/g, '');
    const refused = await attempt(async () => {
      const { data } = await call(sessionProve, { body: recovery ? { recovery_code: typed } : { totp: typed } });
      await done(data.csrf_token);
    });
    if (refused) {
      form.reset();
      form.setFocus('code');
    }
  });
  const byPasskey = () =>
    attempt(async () => {
      const { data: options } = await call(passkeyChallenge);
      const { data } = await call(sessionProve, { body: { passkey: await answerWithPasskey(options) } });
      await done(data.csrf_token);
    });
  const swap = () => {
    setRecovery(!recovery);
    form.reset();
  };
  return (
    <form onSubmit={submit} noValidate className="stack">
      {failed}
      <Field
        label={t(recovery ? 'factor.recovery' : 'factor.code')}
        autoComplete="one-time-code"
        inputMode={recovery ? 'text' : 'numeric'}
        maxLength={40}
        fault={errors.code && t('fault.required')}
        {...form.register('code', { required: true })}
      />
      <Button type="submit" look="primary" busy={isSubmitting}>
        {t('factor.go')}
      </Button>
      {passkeysWork() && (
        <Button look="quiet" busy={busy && !isSubmitting} onClick={() => void byPasskey()}>
          {t('factor.use_passkey')}
        </Button>
      )}
      <Button look="quiet" onClick={swap}>
        {t(recovery ? 'factor.use_app' : 'factor.use_recovery')}
      </Button>
    </form>
  );
}

/** Between the password or the code of the mail and everything else. */
export function ProveFactor() {
  const { t } = useText();
  const { begin, signOut } = useSession<Me>();
  useTitle(t('factor.title'));
  return (
    <Door place={usePlaceLine()} title={t('factor.title')}>
      <p>{t('factor.text')}</p>
      <FactorForm done={begin} />
      <Button look="quiet" onClick={() => void signOut()}>
        {t('factor.leave')}
      </Button>
    </Door>
  );
}
