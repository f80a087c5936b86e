// The clinic's answer to one request: accepted or refused, with a reason that the patient reads.
import { useForm } from 'react-hook-form';
import { call } from '../../api/call.ts';
import { CorrectionVerdict, type CorrectionView, correctionAnswer } from '../../api/clinic.gen.ts';
import { CorrectionWords, TEXT_MAX_CHARS } from '../../clinic/corrections/words.tsx';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Select, TextArea } from '../../ui/field.tsx';

interface Typed {
  verdict: CorrectionVerdict;
  reason: string;
}

export function AnswerForm({ one, done }: { one: CorrectionView; done: () => Promise<void> }) {
  const { t } = useText();
  const { attempt, failed } = useAttempt();
  const form = useForm<Typed>({ defaultValues: { verdict: 'accepted', reason: '' } });
  const { errors, isSubmitting } = form.formState;
  const submit = form.handleSubmit((body) =>
    attempt(async () => {
      await call(correctionAnswer, { path: { id: one.patient, correction: one.id }, body });
      await done();
    }, form),
  );
  return (
    <form onSubmit={submit} noValidate className="stack">
      <CorrectionWords one={one} />
      {failed}
      <Select label={t('waiting.verdict')} hint={t('waiting.verdict_hint')} {...form.register('verdict')}>
        {CorrectionVerdict.options.map((verdict) => (
          <option key={verdict} value={verdict}>
            {t(`correction_verdict.${verdict}`)}
          </option>
        ))}
      </Select>
      <TextArea
        label={t('waiting.reason')}
        hint={t('waiting.reason_hint')}
        rows={4}
        maxLength={TEXT_MAX_CHARS}
        fault={errors.reason && (errors.reason.message || t('fault.required'))}
        {...form.register('reason', { required: true })}
      />
      <div className="actions end">
        <Button type="submit" look="primary" busy={isSubmitting}>
          {t('waiting.go')}
        </Button>
      </div>
    </form>
  );
}
