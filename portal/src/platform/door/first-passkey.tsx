// The first passkey, by a link from whoever runs the platform: its token is in the fragment and leaves the address at once.
import { useForm } from 'react-hook-form';
import { call } from '../../api/call.ts';
import { enrolmentBegin, enrolmentFinish } from '../../api/platform.gen.ts';
import { CONSOLE_BASE, console_, ENROL } from '../../paths.ts';
import { Door } from '../../shell/door.tsx';
import { createPasskey, passkeysWork } from '../../shell/passkey.ts';
import { takeToken } from '../../shell/token.ts';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Notice } from '../../ui/feedback.tsx';
import { useTitle } from '../../ui/title.ts';
import { LabelField } from '../account/label-field.tsx';

const TOKEN = takeToken(ENROL);

export function FirstPasskey() {
  const { t } = useText();
  const { attempt, failed } = useAttempt();
  const form = useForm({ defaultValues: { label: '' } });
  const { isSubmitting, errors } = form.formState;
  useTitle(t('first_passkey.title'));
  const submit = form.handleSubmit(({ label }) =>
    attempt(async () => {
      const { data: options } = await call(enrolmentBegin, { body: { token: TOKEN } });
      const credential = await createPasskey(options);
      await call(enrolmentFinish, { body: { token: TOKEN, handle: options.handle ?? '', label, credential } });
      location.replace(CONSOLE_BASE);
    }, form),
  );
  return (
    <Door place={t('console.place')} title={t('first_passkey.title')}>
      {!TOKEN && <Notice kind="bad" title={t('first_passkey.no_token')} />}
      {!passkeysWork() && <Notice kind="bad" title={t('passkeys.not_here')} />}
      {TOKEN && passkeysWork() ? (
        <form onSubmit={submit} noValidate className="stack">
          <p>{t('first_passkey.text')}</p>
          {failed}
          <LabelField
            fault={errors.label && (errors.label.message || t('fault.required'))}
            {...form.register('label', { required: true })}
          />
          <Button type="submit" look="primary" busy={isSubmitting}>
            {t('first_passkey.go')}
          </Button>
        </form>
      ) : (
        <a className="button" href={`${CONSOLE_BASE}${console_.signIn}`}>
          {t('sign_in.title')}
        </a>
      )}
    </Door>
  );
}
