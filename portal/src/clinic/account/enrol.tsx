// Setting up an authenticator app: the key as a picture and as text, its first code, and the recovery codes once.
import { useEffect, useState } from 'react';
import { useForm } from 'react-hook-form';
import { encode } from 'uqr';
import { call } from '../../api/call.ts';
import { type TotpSecretView, totpConfirm, totpEnrol } from '../../api/clinic.gen.ts';
import { useText } from '../../text/text.tsx';
import { Button } from '../../ui/button.tsx';
import { Failure, Loading } from '../../ui/feedback.tsx';
import { Field } from '../../ui/field.tsx';
import { useStepUp } from './step-up.tsx';

export default function Enrol({ done }: { done: (csrfToken: string) => void }) {
  const { t } = useText();
  const fresh = useStepUp();
  const [secret, setSecret] = useState<TotpSecretView>();
  const [failure, setFailure] = useState<unknown>();
  const [codes, setCodes] = useState<{ codes: string[]; csrfToken: string }>();
  const form = useForm({ defaultValues: { code: '' } });
  const { isSubmitting, errors } = form.formState;

  useEffect(() => {
    let current = true;
    fresh(() => call(totpEnrol))
      .then(({ data }) => current && setSecret(data))
      .catch((error: unknown) => current && setFailure(error));
    return () => {
      current = false;
    };
  }, [fresh]);

  const submit = form.handleSubmit(async ({ code }) => {
    setFailure(undefined);
    try {
      const { data } = await call(totpConfirm, { body: { totp: code.replace(/\s/g, '') } });
      const csrfToken = data.session.csrf_token;
      if (data.recovery_codes.length > 0) setCodes({ codes: data.recovery_codes, csrfToken });
      else done(csrfToken);
    } catch (error) {
      form.reset();
      form.setFocus('code');
      setFailure(error);
    }
  });

  if (codes) return <RecoveryCodes codes={codes.codes} done={() => done(codes.csrfToken)} />;
  if (!secret) return failure === undefined ? <Loading /> : <Failure error={failure} />;
  return (
    <form onSubmit={submit} noValidate className="stack">
      <p>{t('enrol.text')}</p>
      <QrCode text={secret.uri} />
      <div className="fact">
        <p className="quiet-text">{t('enrol.key')}</p>
        <code className="key">{secret.secret.replace(/(.{4})(?=.)/g, '$1 ')}</code>
      </div>
      {failure !== undefined && <Failure error={failure} />}
      <Field
        label={t('factor.code')}
        autoComplete="one-time-code"
        inputMode="numeric"
        maxLength={7}
        fault={errors.code && t('fault.required')}
        {...form.register('code', { required: true })}
      />
      <Button type="submit" look="primary" busy={isSubmitting}>
        {t('factor.go')}
      </Button>
    </form>
  );
}

/** The text as a QR code, drawn as one path: dark on light in every colour scheme, as cameras want it. */
function QrCode({ text }: { text: string }) {
  const { t } = useText();
  const { data, size } = encode(text, { border: 3 });
  const path = data.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : ''))).join('');
  return (
    <svg className="qr" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={t('enrol.qr')}>
      <path d={path} />
    </svg>
  );
}

export function RecoveryCodes({ codes, done }: { codes: string[]; done: () => void }) {
  const { t } = useText();
  return (
    <div className="stack">
      <h2>{t('enrol.codes_title')}</h2>
      <p>{t('enrol.codes_text')}</p>
      <ul className="codes">
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ul>
      <div className="actions">
        <Button onClick={() => window.print()}>{t('record.print')}</Button>
        <Button look="primary" onClick={done}>
          {t('enrol.codes_kept')}
        </Button>
      </div>
    </div>
  );
}
