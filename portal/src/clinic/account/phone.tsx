// The telephone where somebody is told of changes besides by mail: a code goes to it and is entered here. It signs nobody in.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { call } from '../../api/call.ts';
import {
  type FactorsView,
  type OwnPhoneView,
  phoneAsk,
  phoneRead,
  phoneRemove,
  phoneSet,
} from '../../api/clinic.gen.ts';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Failure, Loading, Notice } from '../../ui/feedback.tsx';
import { Field } from '../../ui/field.tsx';
import { SentCode } from './sent-code.tsx';
import { useStepUp } from './step-up.tsx';
import { hasFactor } from './use-factors.ts';

const PHONE_KEY = ['phone'];

/** Where the change is: not begun, a number is asked for, or a code was sent to it. */
type Step = 'shown' | 'asking' | { phone: string; until: string };

export function Phone({ factors }: { factors: FactorsView }) {
  const { t } = useText();
  const phone = useQuery({
    queryKey: PHONE_KEY,
    queryFn: async ({ signal }) => (await call(phoneRead, { signal })).data,
  });
  return (
    <section className="panel" aria-label={t('phone.title')}>
      <h2>{t('phone.title')}</h2>
      {phone.isPending && <Loading />}
      {phone.isError && <Failure error={phone.error} retry={() => void phone.refetch()} />}
      {phone.data && <Change phone={phone.data} able={hasFactor(factors)} />}
    </section>
  );
}

function Change({ phone, able }: { phone: OwnPhoneView; able: boolean }) {
  const { t, moment } = useText();
  const fresh = useStepUp();
  const queries = useQueryClient();
  const { attempt, busy, failed } = useAttempt();
  const [step, setStep] = useState<Step>('shown');
  const [said, setSaid] = useState<string>();
  const done = async (what: string) => {
    await queries.invalidateQueries({ queryKey: PHONE_KEY });
    setStep('shown');
    setSaid(what);
  };
  const begin = () => {
    setSaid(undefined);
    setStep('asking');
  };
  const use = async (code: string) => {
    await fresh(() => call(phoneSet, { body: { code } }));
    await done(t('phone.done'));
  };
  const remove = () =>
    attempt(async () => {
      setSaid(undefined);
      await fresh(() => call(phoneRemove));
      await done(t('phone.removed'));
    });
  const there = phone.last_digits;
  return (
    <>
      <p>{there ? t('phone.shown', { digits: there }) : t('phone.none')}</p>
      <p className="quiet-text">{t('phone.text')}</p>
      {said && <Notice kind="good" title={said} />}
      {failed}
      {step === 'asking' && <NewNumber sent={(number, until) => setStep({ phone: number, until })} />}
      {typeof step === 'object' && (
        <SentCode
          sent={t('phone.sent', { phone: step.phone, when: moment(step.until) })}
          label={t('phone.code')}
          go={t('phone.go')}
          other={t('phone.again')}
          use={use}
          again={begin}
        />
      )}
      {step === 'shown' && !able && <p className="quiet-text">{t('email.factor_first')}</p>}
      {step === 'shown' && able && (
        <div className="actions">
          <Button onClick={begin}>{t(there ? 'phone.change' : 'phone.add')}</Button>
          {there && (
            <Button look="quiet" busy={busy} onClick={() => void remove()}>
              {t('phone.remove')}
            </Button>
          )}
        </div>
      )}
    </>
  );
}

function NewNumber({ sent }: { sent: (phone: string, until: string) => void }) {
  const { t } = useText();
  const fresh = useStepUp();
  const { attempt, failed } = useAttempt();
  const form = useForm({ defaultValues: { phone: '' } });
  const { errors, isSubmitting } = form.formState;
  const submit = form.handleSubmit(({ phone }) =>
    attempt(async () => {
      const { data } = await fresh(() => call(phoneAsk, { body: { phone: phone.trim() } }));
      sent(phone.trim(), data.expires_at);
    }, form),
  );
  return (
    <form onSubmit={submit} noValidate className="stack">
      {failed}
      <Field
        label={t('phone.new')}
        hint={t('phone.new_hint')}
        type="tel"
        autoComplete="tel"
        inputMode="tel"
        fault={errors.phone && (errors.phone.message || t('fault.required'))}
        {...form.register('phone', { required: true })}
      />
      <div className="actions">
        <Button type="submit" busy={isSubmitting}>
          {t('phone.ask')}
        </Button>
      </div>
    </form>
  );
}
