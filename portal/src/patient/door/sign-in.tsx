// The patients' door: a code by mail, or a passkey alone. It never says whether an address is known here.
import { useEffect, useState } from 'react';
import { useForm } from 'react-hook-form';
import { CallError, call } from '../../api/call.ts';
import { sessionCode, sessionCreateCode } from '../../api/clinic.gen.ts';
import { WayToOther } from '../../clinic/door/other-door.tsx';
import { PasskeySignIn } from '../../clinic/door/passkey-sign-in.tsx';
import type { Me } from '../../clinic/me.ts';
import { usePlaceLine } from '../../clinic/place.ts';
import { JURISDICTION } from '../../place.ts';
import { Door } from '../../shell/door.tsx';
import { useSession } from '../../shell/session.tsx';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { useFaults } from '../../ui/faults.ts';
import { Failure } from '../../ui/feedback.tsx';
import { Field } from '../../ui/field.tsx';
import { useTitle } from '../../ui/title.ts';

/** Eight digits, with a space or dash where a hand puts one. */
const CODE_TYPED_MAX_CHARS = 12;

/** A code that was asked for, or one from before, when the page was opened anew while the mail was read. */
interface Asked {
  email?: string;
  until?: string;
}

export function SignIn() {
  const { t } = useText();
  const [asked, setAsked] = useState<Asked>();
  useTitle(t('sign_in.title'));
  return (
    <Door place={usePlaceLine()} title={t('door.title')}>
      {asked ? <CodeForm asked={asked} again={() => setAsked(undefined)} /> : <AddressForm asked={setAsked} />}
    </Door>
  );
}

function AddressForm({ asked }: { asked: (asked: Asked) => void }) {
  const { t } = useText();
  const faults = useFaults();
  const [failure, setFailure] = useState<unknown>();
  const form = useForm({ defaultValues: { email: '' } });
  const { isSubmitting, errors } = form.formState;
  const submit = form.handleSubmit(async ({ email }) => {
    setFailure(undefined);
    try {
      const { data } = await call(sessionCode, { body: { email: email.trim() } });
      asked({ email: email.trim(), until: data.expires_at });
    } catch (error) {
      if (!(error instanceof CallError && faults.put(form, error))) setFailure(error);
    }
  });
  return (
    <form onSubmit={submit} noValidate className="stack">
      <p>{t('door.text')}</p>
      {failure !== undefined && <Failure error={failure} />}
      <Field
        label={t('sign_in.email')}
        type="email"
        autoComplete="username"
        inputMode="email"
        fault={errors.email && (errors.email.message || t('fault.required'))}
        {...form.register('email', { required: true })}
      />
      <Button type="submit" look="primary" busy={isSubmitting}>
        {t('code.ask')}
      </Button>
      <PasskeySignIn failed={setFailure} />
      <Button look="quiet" onClick={() => asked({})}>
        {t('code.have')}
      </Button>
      <p className="hint">{t(`door.residency_${JURISDICTION}`)}</p>
      <WayToOther to="staff" />
    </form>
  );
}

function CodeForm({ asked, again }: { asked: Asked; again: () => void }) {
  const { t, moment } = useText();
  const { begin } = useSession<Me>();
  const { attempt, failed } = useAttempt();
  const form = useForm({ defaultValues: { code: '' } });
  const { isSubmitting, errors } = form.formState;
  const { setFocus } = form;
  useEffect(() => setFocus('code'), [setFocus]);
  const submit = form.handleSubmit(async ({ code }) => {
    const refused = await attempt(async () => {
      const { data } = await call(sessionCreateCode, { body: { code } });
      await begin(data.csrf_token);
    });
    if (refused) {
      form.reset();
      setFocus('code');
    }
  });
  return (
    <form onSubmit={submit} noValidate className="stack">
      <p role="status">
        {asked.email && asked.until ? t('code.sent', { email: asked.email, when: moment(asked.until) }) : t('code.old')}
      </p>
      {failed}
      <Field
        label={t('code.code')}
        hint={t('code.hint')}
        autoComplete="one-time-code"
        inputMode="numeric"
        maxLength={CODE_TYPED_MAX_CHARS}
        fault={errors.code && t('fault.required')}
        {...form.register('code', { required: true })}
      />
      <Button type="submit" look="primary" busy={isSubmitting}>
        {t('sign_in.go')}
      </Button>
      <Button look="quiet" onClick={again}>
        {t('code.again')}
      </Button>
    </form>
  );
}
