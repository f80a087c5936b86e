// Accepting an invitation: the mail's token is in the fragment, which no browser sends anywhere, and leaves the address at once.
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { call } from '../../api/call.ts';
import { invitationAccept } from '../../api/clinic.gen.ts';
import { usePlaceLine } from '../../clinic/place.ts';
import { ACCEPT_INVITATION, CLINIC_BASE, clinic } from '../../paths.ts';
import { Door } from '../../shell/door.tsx';
import { takeToken } from '../../shell/token.ts';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Notice } from '../../ui/feedback.tsx';
import { Field } from '../../ui/field.tsx';
import { useTitle } from '../../ui/title.ts';
import { PasswordFields } from './password-fields.tsx';

const TOKEN = takeToken(ACCEPT_INVITATION);

export function AcceptInvitation() {
  const { t } = useText();
  const { attempt, failed } = useAttempt();
  const [done, setDone] = useState(false);
  const form = useForm({ defaultValues: { display_name: '', password: '', again: '' } });
  const { isSubmitting, errors } = form.formState;
  useTitle(t('accept.title'));
  const place = usePlaceLine();

  const submit = form.handleSubmit(({ display_name, password }) =>
    attempt(async () => {
      await call(invitationAccept, { body: { token: TOKEN, password, display_name } });
      form.reset();
      setDone(true);
    }, form),
  );

  if (done || !TOKEN) {
    return (
      <Door place={place} title={t('accept.title')}>
        {done ? <Notice kind="good" title={t('accept.done')} /> : <Notice kind="bad" title={t('accept.no_token')} />}
        <a className="button primary" href={`${CLINIC_BASE}${clinic.signIn}`}>
          {t('sign_in.title')}
        </a>
      </Door>
    );
  }
  return (
    <Door place={place} title={t('accept.title')}>
      <form onSubmit={submit} noValidate className="stack">
        {failed}
        <Field
          label={t('accept.name')}
          hint={t('accept.name_hint')}
          autoComplete="name"
          fault={errors.display_name && (errors.display_name.message || t('fault.required'))}
          {...form.register('display_name', { required: true })}
        />
        <PasswordFields
          label={t('accept.password')}
          first={form.register('password', { required: true })}
          second={form.register('again', { validate: (again, all) => again === all.password })}
          fault={errors.password && (errors.password.message || t('fault.required'))}
          differs={errors.again !== undefined}
        />
        <Button type="submit" look="primary" busy={isSubmitting}>
          {t('accept.go')}
        </Button>
      </form>
    </Door>
  );
}
