// Recording somebody who stands in for a patient: who, why, what was shown, what of the record, and until when.
import { useForm } from 'react-hook-form';
import { call } from '../../api/call.ts';
import {
  type ProxyInput,
  type ProxyKind,
  type ProxyList,
  type ProxyProofKind,
  type ProxyScope,
  proxyRecord,
} from '../../api/clinic.gen.ts';
import { MY_BASE } from '../../paths.ts';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Field, Select } from '../../ui/field.tsx';

const SCOPES: readonly ProxyScope[] = ['record', 'documents', 'corrections'];
const PROOFS: readonly ProxyProofKind[] = [
  'birth_certificate',
  'court_order',
  'power_of_attorney',
  'nomination',
  'identity_document',
  'other',
];
/** The server's limits (app/src/proxies/rules.rs). */
const NAME_MAX_CHARS = 100;
const REFERENCE_MAX_CHARS = 200;

interface ProxyForm {
  kind: ProxyKind;
  name: string;
  email: string;
  proof: { kind: ProxyProofKind | ''; reference: string };
  scope: ProxyScope[];
  from: string;
  until: string;
}

interface Props {
  patient: string;
  list: ProxyList;
  recorded: () => Promise<void>;
}

const toInput = ({ proof, from, ...typed }: ProxyForm): ProxyInput => ({
  ...typed,
  email: typed.email.trim(),
  proof: { kind: proof.kind as ProxyProofKind, reference: proof.reference },
  ...(from && { from }),
});

export function AddProxy({ patient, list, recorded }: Props) {
  const { t, date } = useText();
  const { attempt, failed } = useAttempt();
  const kinds: ProxyKind[] = list.of_age ? ['nominee', 'guardian'] : ['parent', 'guardian'];
  const form = useForm<ProxyForm>({
    defaultValues: {
      kind: list.of_age ? 'nominee' : 'parent',
      name: '',
      email: '',
      proof: { kind: '', reference: '' },
      scope: [...SCOPES],
      from: '',
      until: list.ends_by,
    },
  });
  const { errors, isSubmitting } = form.formState;
  const words = (fault: { message?: string } | undefined) => fault && (fault.message || t('fault.required'));
  const submit = form.handleSubmit((typed) =>
    attempt(async () => {
      await call(proxyRecord, { path: { id: patient }, body: toInput(typed) });
      form.reset();
      await recorded();
    }, form),
  );
  return (
    <section className="panel" aria-label={t('proxies.add')}>
      <h2>{t('proxies.add')}</h2>
      <p>
        {t('proxies.add_text')} <code>{`${location.origin}${MY_BASE}`}</code>
      </p>
      <form onSubmit={submit} noValidate className="stack">
        <div className="grid">
          <Select label={t('proxies.kind')} fault={words(errors.kind)} {...form.register('kind')}>
            {kinds.map((kind) => (
              <option key={kind} value={kind}>
                {t(`proxy_kind.${kind}`)}
              </option>
            ))}
          </Select>
          <Field
            label={t('proxies.name')}
            maxLength={NAME_MAX_CHARS}
            fault={words(errors.name)}
            {...form.register('name', { required: true })}
          />
          <Field
            label={t('proxies.email')}
            type="email"
            fault={words(errors.email)}
            {...form.register('email', { required: true })}
          />
          <Select
            label={t('proxies.proof')}
            fault={words(errors.proof?.kind)}
            {...form.register('proof.kind', { required: true })}
          >
            <option value="">{t('proxies.proof_none')}</option>
            {PROOFS.map((proof) => (
              <option key={proof} value={proof}>
                {t(`proxy_proof.${proof}`)}
              </option>
            ))}
          </Select>
          <Field
            label={t('proxies.reference')}
            hint={t('proxies.reference_hint')}
            maxLength={REFERENCE_MAX_CHARS}
            fault={words(errors.proof?.reference)}
            {...form.register('proof.reference', { required: true })}
          />
          <Field
            label={t('proxies.from')}
            hint={t('proxies.from_hint')}
            optional={t('optional')}
            type="date"
            fault={errors.from?.message}
            {...form.register('from')}
          />
          <Field
            label={t('proxies.until')}
            hint={t(list.of_age ? 'proxies.until_hint' : 'proxies.until_minor', { day: date(list.ends_by) })}
            type="date"
            max={list.ends_by}
            fault={words(errors.until)}
            {...form.register('until', { required: true })}
          />
        </div>
        <fieldset className="ticks">
          <legend>{t('proxies.scope')}</legend>
          {SCOPES.map((scope) => (
            <label key={scope} className="check">
              <input type="checkbox" value={scope} {...form.register('scope', { required: true })} />
              {t(`proxy_scope.${scope}`)}
            </label>
          ))}
          {errors.scope && (
            <p className="fault" role="alert">
              {errors.scope.message || t('fault.required')}
            </p>
          )}
        </fieldset>
        {failed}
        <div className="actions end">
          <Button type="submit" look="primary" busy={isSubmitting}>
            {t('proxies.go')}
          </Button>
        </div>
      </form>
    </section>
  );
}
