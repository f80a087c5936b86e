// A forgotten password: asking for a link by mail, and setting a new one with it. Nobody learns here who has an account.
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { CallError, call } from '../../api/call.ts';
import { recoveryAsk, recoveryComplete } from '../../api/clinic.gen.ts';
import { usePlaceLine } from '../../clinic/place.ts';
import { CLINIC_BASE, clinic, RECOVER } from '../../paths.ts';
import { Door } from '../../shell/door.tsx';
import { takeToken } from '../../shell/token.ts';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { useFaults } from '../../ui/faults.ts';
import { Failure, Notice } from '../../ui/feedback.tsx';
import { Field } from '../../ui/field.tsx';
import { useTitle } from '../../ui/title.ts';
import { PasswordFields } from './password-fields.tsx';

const TOKEN = takeToken(RECOVER);
const SIGN_IN = `${CLINIC_BASE}${clinic.signIn}`;

export function Recover() {
  const [token, setToken] = useState(TOKEN);
  // A link that is not valid any more is worth nothing but a new one.
  return token ? <SetPassword token={token} askAnew={() => setToken('')} /> : <AskForLink />;
}

function AskForLink() {
  const { t } = useText();
  const [asked, setAsked] = useState<string>();
  const { attempt, failed } = useAttempt();
  const form = useForm({ defaultValues: { email: '' } });
  const { isSubmitting, errors } = form.formState;
  useTitle(t('recover.ask_title'));
  const submit = form.handleSubmit(({ email }) =>
    attempt(async () => {
      await call(recoveryAsk, { body: { email: email.trim() } });
      setAsked(email.trim());
    }, form),
  );
  return (
    <Door place={usePlaceLine()} title={t('recover.ask_title')}>
      <form onSubmit={submit} noValidate className="stack">
        {asked ? <Notice kind="good" title={t('recover.asked', { email: asked })} /> : <p>{t('recover.ask_text')}</p>}
        {failed}
        <Field
          label={t('sign_in.email')}
          type="email"
          autoComplete="username"
          fault={errors.email && (errors.email.message || t('fault.required'))}
          {...form.register('email', { required: true })}
        />
        <Button type="submit" look="primary" busy={isSubmitting}>
          {t('recover.ask_go')}
        </Button>
        <p className="hint">{t('recover.patients')}</p>
        <p className="other-door">
          <a href={SIGN_IN}>{t('recover.back')}</a>
        </p>
      </form>
    </Door>
  );
}

function SetPassword({ token, askAnew }: { token: string; askAnew: () => void }) {
  const { t } = useText();
  const faults = useFaults();
  const [done, setDone] = useState(false);
  const [failure, setFailure] = useState<unknown>();
  const form = useForm({ defaultValues: { password: '', again: '' } });
  const { isSubmitting, errors } = form.formState;
  useTitle(t('recover.title'));
  const place = usePlaceLine();
  const submit = form.handleSubmit(async ({ password }) => {
    setFailure(undefined);
    try {
      await call(recoveryComplete, { body: { token, password } });
      form.reset();
      setDone(true);
    } catch (error) {
      if (!(error instanceof CallError && faults.put(form, error))) setFailure(error);
    }
  });
  if (done) {
    return (
      <Door place={place} title={t('recover.title')}>
        <Notice kind="good" title={t('recover.done')} />
        <a className="button primary" href={SIGN_IN}>
          {t('sign_in.title')}
        </a>
      </Door>
    );
  }
  const worthless = failure instanceof CallError && failure.code === 'recovery_invalid';
  return (
    <Door place={place} title={t('recover.title')}>
      <form onSubmit={submit} noValidate className="stack">
        <p>{t('recover.text')}</p>
        {failure !== undefined && <Failure error={failure} />}
        {worthless && <Button onClick={askAnew}>{t('recover.ask_title')}</Button>}
        <PasswordFields
          label={t('recover.password')}
          first={form.register('password', { required: true })}
          second={form.register('again', { validate: (again, all) => again === all.password })}
          fault={errors.password && (errors.password.message || t('fault.required'))}
          differs={errors.again !== undefined}
        />
        <Button type="submit" look="primary" busy={isSubmitting}>
          {t('recover.go')}
        </Button>
      </form>
    </Door>
  );
}
