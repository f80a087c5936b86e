// Writing down that a patient's data were given to somebody outside the clinic (45 CFR 164.528): it is never changed again.
import { useForm } from 'react-hook-form';
import { call } from '../../api/call.ts';
import { type DisclosureInput, DisclosurePurpose, disclosureRecord } from '../../api/clinic.gen.ts';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Field, Select, TextArea } from '../../ui/field.tsx';

/** The server's limits (app/src/disclosures/rules.rs), in characters. */
const RECIPIENT_MAX_CHARS = 200;
const ADDRESS_MAX_CHARS = 300;
const TEXT_MAX_CHARS = 500;

interface Typed {
  recipient: string;
  address: string;
  purpose: DisclosurePurpose | '';
  description: string;
  statement: string;
  disclosed_on: string;
  last_on: string;
  times: string;
  withheld_until: string;
}

const EMPTY: Typed = {
  recipient: '',
  address: '',
  purpose: '',
  description: '',
  statement: '',
  disclosed_on: '',
  last_on: '',
  times: '',
  withheld_until: '',
};

function toInput(typed: Typed, purpose: DisclosurePurpose): DisclosureInput {
  const { recipient, address, description, statement, disclosed_on, last_on, times, withheld_until } = typed;
  return {
    recipient,
    purpose,
    description,
    statement,
    disclosed_on,
    ...(address.trim() && { address }),
    ...(last_on && { last_on }),
    // What is no number is left to the server, which knows none either.
    ...(times.trim() && { times: Math.max(0, Math.trunc(Number(times)) || 0) }),
    ...(withheld_until && { withheld_until }),
  };
}

interface Props {
  patient: string;
  begun: () => void;
  recorded: () => Promise<void>;
}

export function RecordDisclosure({ patient, begun, recorded }: Props) {
  const { t } = useText();
  const { attempt, failed } = useAttempt();
  const form = useForm<Typed>({ defaultValues: EMPTY });
  const { errors, isSubmitting } = form.formState;
  const words = (fault: { message?: string } | undefined) => fault && (fault.message || t('fault.required'));
  const submit = form.handleSubmit(async (typed) => {
    const { purpose } = typed;
    if (!purpose) return;
    begun();
    await attempt(async () => {
      await call(disclosureRecord, { path: { id: patient }, body: toInput(typed, purpose) });
      form.reset();
      await recorded();
    }, form);
  });
  return (
    <section className="panel" aria-label={t('given.add')}>
      <h2>{t('given.add')}</h2>
      <p>{t('given.text')}</p>
      <form onSubmit={submit} noValidate className="stack">
        <div className="grid">
          <Field
            label={t('given.recipient')}
            maxLength={RECIPIENT_MAX_CHARS}
            fault={words(errors.recipient)}
            {...form.register('recipient', { required: true })}
          />
          <Field
            label={t('given.address')}
            optional={t('optional')}
            maxLength={ADDRESS_MAX_CHARS}
            fault={words(errors.address)}
            {...form.register('address')}
          />
          <Select
            label={t('given.purpose')}
            fault={words(errors.purpose)}
            {...form.register('purpose', { required: true })}
          >
            <option value="">{t('form.choose')}</option>
            {DisclosurePurpose.options.map((purpose) => (
              <option key={purpose} value={purpose}>
                {t(`disclosure_purpose.${purpose}`)}
              </option>
            ))}
          </Select>
          <Field
            label={t('given.on')}
            type="date"
            fault={words(errors.disclosed_on)}
            {...form.register('disclosed_on', { required: true })}
          />
          <Field
            label={t('given.last_on')}
            optional={t('optional')}
            hint={t('given.several_hint')}
            type="date"
            fault={words(errors.last_on)}
            {...form.register('last_on')}
          />
          <Field
            label={t('given.times')}
            optional={t('optional')}
            inputMode="numeric"
            fault={words(errors.times)}
            {...form.register('times')}
          />
          <Field
            label={t('given.withheld_until')}
            optional={t('optional')}
            hint={t('given.withheld_hint')}
            type="date"
            fault={words(errors.withheld_until)}
            {...form.register('withheld_until')}
          />
        </div>
        <TextArea
          label={t('given.description')}
          maxLength={TEXT_MAX_CHARS}
          fault={words(errors.description)}
          {...form.register('description', { required: true })}
        />
        <TextArea
          label={t('given.statement')}
          maxLength={TEXT_MAX_CHARS}
          fault={words(errors.statement)}
          {...form.register('statement', { required: true })}
        />
        {failed}
        <div className="actions end">
          <Button type="submit" look="primary" busy={isSubmitting}>
            {t('given.go')}
          </Button>
        </div>
      </form>
    </section>
  );
}
