// Signing in with an e-mail address and a password, or with a passkey alone.

import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { call } from '../../api/call.ts';
import { sessionCreate } from '../../api/clinic.gen.ts';
import { WayToOther } from '../../clinic/door/other-door.tsx';
import { PasskeySignIn } from '../../clinic/door/passkey-sign-in.tsx';
import type { Me } from '../../clinic/me.ts';
import { usePlaceLine } from '../../clinic/place.ts';
import { RECOVER } from '../../paths.ts';
import { Door } from '../../shell/door.tsx';
import { useSession } from '../../shell/session.tsx';
import { useText } from '../../text/text.tsx';
import { Button } from '../../ui/button.tsx';
import { Failure } from '../../ui/feedback.tsx';
import { Field } from '../../ui/field.tsx';
import { useTitle } from '../../ui/title.ts';

export function SignIn() {
  const { t } = useText();
  const { begin } = useSession<Me>();
  const [failure, setFailure] = useState<unknown>();
  const form = useForm({ defaultValues: { email: '', password: '' } });
  const { isSubmitting, errors } = form.formState;
  useTitle(t('sign_in.title'));

  const submit = form.handleSubmit(async (typed) => {
    setFailure(undefined);
    try {
      const { data } = await call(sessionCreate, { body: typed });
      await begin(data.csrf_token);
    } catch (error) {
      form.resetField('password');
      form.setFocus('password');
      setFailure(error);
    }
  });

  return (
    <Door place={usePlaceLine()} title={t('sign_in.title')}>
      <form onSubmit={submit} noValidate className="stack">
        {failure !== undefined && <Failure error={failure} />}
        <Field
          label={t('sign_in.email')}
          type="email"
          autoComplete="username"
          fault={errors.email && t('fault.required')}
          {...form.register('email', { required: true })}
        />
        <Field
          label={t('sign_in.password')}
          type="password"
          autoComplete="current-password"
          fault={errors.password && t('fault.required')}
          {...form.register('password', { required: true })}
        />
        <Button type="submit" look="primary" busy={isSubmitting}>
          {t('sign_in.go')}
        </Button>
        <PasskeySignIn failed={setFailure} />
        <p>
          <a href={RECOVER}>{t('recover.forgot')}</a>
        </p>
        <p className="hint">{t('sign_in.residency')}</p>
        <WayToOther to="patients" />
      </form>
    </Door>
  );
}
