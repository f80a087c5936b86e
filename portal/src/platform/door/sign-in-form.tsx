// Signing in with a passkey, and with a password only where the server says that it takes one.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { call } from '../../api/call.ts';
import {
  type SessionView,
  sessionChallenge,
  sessionCreate,
  sessionCreatePasskey,
  signInDescribe,
} from '../../api/platform.gen.ts';
import { answerWithPasskey, passkeysWork } from '../../shell/passkey.ts';
import { useText } from '../../text/text.tsx';
import { Button } from '../../ui/button.tsx';
import { Failure, Loading } from '../../ui/feedback.tsx';
import { Field } from '../../ui/field.tsx';

interface Props {
  /** Takes the new session up. */
  done: (session: SessionView) => Promise<void> | void;
}

export function SignInForm({ done }: Props) {
  const { t } = useText();
  const [failure, setFailure] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const ways = useQuery({
    queryKey: ['sign-in'],
    queryFn: async ({ signal }) => (await call(signInDescribe, { signal })).data,
  });
  const byPasskey = async () => {
    setFailure(undefined);
    setBusy(true);
    try {
      const { data: options } = await call(sessionChallenge);
      const credential = await answerWithPasskey(options);
      const { data } = await call(sessionCreatePasskey, { body: { handle: options.handle ?? '', credential } });
      await done(data);
    } catch (error) {
      setFailure(error);
    }
    setBusy(false);
  };
  return (
    <div className="stack">
      {failure !== undefined && <Failure error={failure} />}
      {passkeysWork() ? (
        <Button look="primary" busy={busy} onClick={() => void byPasskey()}>
          {t('sign_in.passkey')}
        </Button>
      ) : (
        <p className="quiet-text">{t('passkeys.not_here')}</p>
      )}
      {ways.isPending && <Loading lines={2} />}
      {ways.isError && <Failure error={ways.error} retry={() => void ways.refetch()} />}
      {ways.data?.passwords && <PasswordForm done={done} failed={setFailure} />}
    </div>
  );
}

function PasswordForm({ done, failed }: Props & { failed: (error: unknown) => void }) {
  const { t } = useText();
  const form = useForm({ defaultValues: { login: '', password: '' } });
  const { isSubmitting, errors } = form.formState;
  const submit = form.handleSubmit(async (typed) => {
    failed(undefined);
    try {
      const { data } = await call(sessionCreate, { body: typed });
      await done(data);
    } catch (error) {
      form.resetField('password');
      form.setFocus('password');
      failed(error);
    }
  });
  return (
    <form onSubmit={submit} noValidate className="stack">
      <p className="quiet-text">{t('sign_in.or_password')}</p>
      <Field
        label={t('console.login')}
        autoComplete="username"
        fault={errors.login && t('fault.required')}
        {...form.register('login', { required: true })}
      />
      <Field
        label={t('sign_in.password')}
        type="password"
        autoComplete="current-password"
        fault={errors.password && t('fault.required')}
        {...form.register('password', { required: true })}
      />
      <Button type="submit" busy={isSubmitting}>
        {t('sign_in.go')}
      </Button>
    </form>
  );
}
