// Starting emergency access to one patient, with the reason that somebody else will read, and ending it early.
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { Link } from 'wouter';
import { call } from '../../api/call.ts';
import { breakGlassEnd, breakGlassStart, ReasonCode, type StartedView } from '../../api/clinic.gen.ts';
import { useStepUp } from '../../clinic/account/step-up.tsx';
import { clinic } from '../../paths.ts';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Notice } from '../../ui/feedback.tsx';
import { Field, Select, TextArea } from '../../ui/field.tsx';
import { Page } from '../../ui/page.tsx';

/** Minutes that can be chosen; the server allows an hour at most. */
const MINUTES = [15, 30, 60];

/** The one that runs, so that who went to the record and comes back can end it. It goes with the page, as the session does. */
let running: StartedView | undefined;

const stillRuns = () => (running && Date.parse(running.expires_at) > Date.now() ? running : undefined);

export function StartEmergency() {
  const { t } = useText();
  const [started, setStarted] = useState(stillRuns);
  const [ended, setEnded] = useState(false);
  const change = (to: StartedView | undefined) => {
    running = to;
    setStarted(to);
    setEnded(to === undefined);
  };
  return (
    <Page title={t('emergency.title')}>
      {ended && <Notice kind="good" title={t('emergency.ended')} />}
      {started ? <Running started={started} ended={() => change(undefined)} /> : <StartForm started={change} />}
    </Page>
  );
}

function Running({ started, ended }: { started: StartedView; ended: () => void }) {
  const { t, moment } = useText();
  const { attempt, busy, failed } = useAttempt();
  const end = () =>
    attempt(async () => {
      await call(breakGlassEnd, { path: { id: started.id } });
      ended();
    });
  return (
    <section className="panel" aria-label={t('emergency.running')}>
      <Notice kind="warn" title={t('emergency.until', { when: moment(started.expires_at) })}>
        <p>{t('emergency.recorded')}</p>
      </Notice>
      {failed}
      <div className="actions">
        <Link className="button primary" href={clinic.patient(started.patient)}>
          {t('emergency.open')}
        </Link>
        <Button look="danger" busy={busy} onClick={() => void end()}>
          {t('emergency.end')}
        </Button>
      </div>
    </section>
  );
}

interface Typed {
  mrn: string;
  reason_code: ReasonCode;
  reason: string;
  minutes: string;
}

function StartForm({ started }: { started: (view: StartedView) => void }) {
  const { t, number } = useText();
  const fresh = useStepUp();
  const { attempt, failed } = useAttempt();
  const form = useForm<Typed>({ defaultValues: { mrn: '', reason_code: 'emergency', reason: '', minutes: '60' } });
  const { errors, isSubmitting } = form.formState;
  const submit = form.handleSubmit(async ({ mrn, reason_code, reason, minutes }) => {
    const body = { mrn: mrn.trim(), reason_code, reason, minutes: Number(minutes) };
    await attempt(async () => {
      started((await fresh(() => call(breakGlassStart, { body }))).data);
    }, form);
  });
  return (
    <form onSubmit={submit} noValidate className="panel">
      <p>{t('emergency.text')}</p>
      {failed}
      <div className="grid">
        <Field
          label={t('person.mrn')}
          hint={t('emergency.mrn_hint')}
          maxLength={64}
          fault={errors.mrn && (errors.mrn.message || t('fault.required'))}
          {...form.register('mrn', { required: true })}
        />
        <Select label={t('emergency.kind')} {...form.register('reason_code')}>
          {ReasonCode.options.map((one) => (
            <option key={one} value={one}>
              {t(`reason_code.${one}`)}
            </option>
          ))}
        </Select>
        <Select label={t('emergency.minutes')} {...form.register('minutes')}>
          {MINUTES.map((one) => (
            <option key={one} value={one}>
              {t('emergency.minutes_of', { count: number(one) })}
            </option>
          ))}
        </Select>
      </div>
      <TextArea
        label={t('emergency.reason')}
        hint={t('emergency.reason_hint')}
        maxLength={500}
        fault={errors.reason && (errors.reason.message || t('fault.required'))}
        {...form.register('reason', { required: true })}
      />
      <div className="actions end">
        <Button type="submit" look="danger" busy={isSubmitting}>
          {t('emergency.go')}
        </Button>
      </div>
    </form>
  );
}
