// A patient's legal holds: putting one, lifting the one that stands, and those before it.
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { call } from '../../api/call.ts';
import { HoldReason, type HoldView, legalHoldPlace, legalHoldRelease } from '../../api/clinic.gen.ts';
import { useStepUp } from '../../clinic/account/step-up.tsx';
import { type Key, useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Select } from '../../ui/field.tsx';

interface Props {
  patient: string;
  holds: HoldView[];
  standing: HoldView | undefined;
  /** Of an erased patient nothing is left to hold. */
  erased: boolean;
  changed: (words: Key) => Promise<void>;
}

export function Holds({ patient, holds, standing, erased, changed }: Props) {
  const { t } = useText();
  return (
    <section className="panel" aria-label={t('holds.title')}>
      <h2>{t('holds.title')}</h2>
      <p>{t('holds.text')}</p>
      {holds.length === 0 && <p className="quiet-text">{t('holds.none')}</p>}
      {holds.length > 0 && (
        <ul className="rows">
          {holds.map((one) => (
            <Hold key={`${one.placed_at} ${one.placed_by}`} one={one} />
          ))}
        </ul>
      )}
      {standing && <Lift {...{ patient, changed }} />}
      {!standing && !erased && <Place {...{ patient, changed }} />}
    </section>
  );
}

function Hold({ one }: { one: HoldView }) {
  const { t, has, moment } = useText();
  const reason = `hold_reason.${one.reason}`;
  return (
    <li>
      <div>
        <p>
          <strong>{has(reason) ? t(reason) : one.reason}</strong>{' '}
          <span className={`tag ${one.released_at ? '' : 'pending'}`}>
            {t(one.released_at ? 'holds.lifted' : 'holds.standing')}
          </span>
        </p>
        <p className="quiet-text">
          {t('holds.put', { when: moment(one.placed_at) })} <code>{one.placed_by}</code>
        </p>
        {one.released_at && (
          <p className="quiet-text">
            {t('holds.lifted_at', { when: moment(one.released_at) })} <code>{one.released_by}</code>
          </p>
        )}
      </div>
    </li>
  );
}

type ChangeProps = Pick<Props, 'patient' | 'changed'>;

function Place({ patient, changed }: ChangeProps) {
  const { t } = useText();
  const { attempt, failed } = useAttempt();
  const form = useForm<{ reason: HoldReason | '' }>({ defaultValues: { reason: '' } });
  const { errors, isSubmitting } = form.formState;
  const submit = form.handleSubmit(({ reason }) =>
    attempt(async () => {
      await call(legalHoldPlace, { path: { id: patient }, body: { reason: reason as HoldReason } });
      await changed('holds.placed');
    }, form),
  );
  return (
    <form onSubmit={submit} noValidate className="stack">
      <Select
        label={t('holds.reason')}
        fault={errors.reason && (errors.reason.message || t('fault.required'))}
        {...form.register('reason', { required: true })}
      >
        <option value="">{t('form.choose')}</option>
        {HoldReason.options.map((reason) => (
          <option key={reason} value={reason}>
            {t(`hold_reason.${reason}`)}
          </option>
        ))}
      </Select>
      {failed}
      <div className="actions end">
        <Button type="submit" look="primary" busy={isSubmitting}>
          {t('holds.place')}
        </Button>
      </div>
    </form>
  );
}

function Lift({ patient, changed }: ChangeProps) {
  const { t } = useText();
  const fresh = useStepUp();
  const [asking, setAsking] = useState(false);
  const { attempt, busy, failed } = useAttempt();
  const lift = async () => {
    // A fresh second step is asked for in a dialog of its own, with nothing else above or below it.
    setAsking(false);
    await attempt(async () => {
      await fresh(() => call(legalHoldRelease, { path: { id: patient } }));
      await changed('holds.released');
    });
  };
  return (
    <>
      {failed}
      <div className="actions end">
        <Button look="danger" busy={busy} onClick={() => setAsking(true)}>
          {t('holds.lift')}
        </Button>
      </div>
      <Confirm
        open={asking}
        title={t('holds.lift_title')}
        actions={
          <>
            <Button onClick={() => setAsking(false)}>{t('cancel')}</Button>
            <Button look="danger" onClick={() => void lift()}>
              {t('holds.lift')}
            </Button>
          </>
        }
      >
        <p>{t('holds.lift_text')}</p>
      </Confirm>
    </>
  );
}
