// Asking for a record to be erased: the reason, and what the law of the region says to it.
import { useForm } from 'react-hook-form';
import { call } from '../../api/call.ts';
import { Basis, erasureRequest } from '../../api/clinic.gen.ts';
import { JURISDICTION } from '../../place.ts';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Select } from '../../ui/field.tsx';

interface Props {
  patient: string;
  asked: () => Promise<void>;
}

export function AskErasure({ patient, asked }: Props) {
  const { t } = useText();
  const { attempt, failed } = useAttempt();
  const form = useForm<{ basis: Basis | '' }>({ defaultValues: { basis: '' } });
  const { errors, isSubmitting } = form.formState;
  const submit = form.handleSubmit(({ basis }) =>
    attempt(async () => {
      await call(erasureRequest, { path: { id: patient }, body: { basis: basis as Basis } });
      form.reset();
      await asked();
    }, form),
  );
  return (
    <section className="panel" aria-label={t('erasure.ask')}>
      <h2>{t('erasure.ask')}</h2>
      <p>{t('erasure.ask_text')}</p>
      <p className="quiet-text">{t(`erasure.law_${JURISDICTION}`)}</p>
      <form onSubmit={submit} noValidate className="stack">
        <Select
          label={t('erasure.basis')}
          fault={errors.basis && (errors.basis.message || t('fault.required'))}
          {...form.register('basis', { required: true })}
        >
          <option value="">{t('form.choose')}</option>
          {Basis.options.map((basis) => (
            <option key={basis} value={basis}>
              {t(`erasure_basis.${basis}`)}
            </option>
          ))}
        </Select>
        {failed}
        <div className="actions end">
          <Button type="submit" look="danger" busy={isSubmitting}>
            {t('erasure.ask_go')}
          </Button>
        </div>
      </form>
    </section>
  );
}
