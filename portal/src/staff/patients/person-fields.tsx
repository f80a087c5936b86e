// The fields of a record, the same for registering and correcting.
import type { UseFormReturn } from 'react-hook-form';
import { ContactFields, Rows } from '../../clinic/person/contact-fields.tsx';
import { LIMITS, NAME, type PersonForm } from '../../clinic/person/person-form.ts';
import { JURISDICTION } from '../../place.ts';
import { useText } from '../../text/text.tsx';
import { Field, Select } from '../../ui/field.tsx';
import { IDENTIFIER_KINDS } from './search-input.ts';

const NAME_USES = ['official', 'usual', 'maiden', 'nickname', 'old'] as const;
const SEXES = ['female', 'male', 'other', 'unknown'] as const;

type Form = UseFormReturn<PersonForm>;

export function PersonFields({ form }: { form: Form }) {
  const { t } = useText();
  const { errors } = form.formState;
  const kind = IDENTIFIER_KINDS[JURISDICTION][0];
  return (
    <>
      <Rows
        form={form}
        list="names"
        limits={[1, LIMITS.names]}
        fresh={{ ...NAME, use: 'usual' }}
        title={t('person.names')}
      >
        {(at) => <NameRow form={form} at={at} />}
      </Rows>
      <fieldset className="panel">
        <legend>{t('person.about')}</legend>
        <div className="grid">
          <Field
            type="date"
            label={t('person.birth_date')}
            fault={errors.birth_date && (errors.birth_date.message || t('fault.required'))}
            {...form.register('birth_date', { required: true })}
          />
          <Select label={t('person.sex')} fault={errors.sex?.message} {...form.register('sex')}>
            {SEXES.map((sex) => (
              <option key={sex} value={sex}>
                {t(`sex.${sex}`)}
              </option>
            ))}
          </Select>
          <Field
            label={t('person.mrn')}
            optional={t('optional')}
            fault={errors.mrn?.message}
            {...form.register('mrn')}
          />
        </div>
      </fieldset>
      <ContactFields form={form} />
      <Rows
        form={form}
        list="identifiers"
        limits={[0, LIMITS.identifiers]}
        fresh={{ kind, value: '' }}
        title={t('person.identifiers')}
      >
        {(at) => <IdentifierRow form={form} at={at} />}
      </Rows>
    </>
  );
}

function NameRow({ form, at }: { form: Form; at: number }) {
  const { t } = useText();
  const fault = form.formState.errors.names?.[at];
  return (
    <div className="grid">
      <Field
        label={t('name.given')}
        fault={fault?.given?.message ?? fault?.message}
        {...form.register(`names.${at}.given`)}
      />
      <Field label={t('name.family')} fault={fault?.family?.message} {...form.register(`names.${at}.family`)} />
      <Field
        label={t('name.prefix')}
        optional={t('optional')}
        fault={fault?.prefix?.message}
        {...form.register(`names.${at}.prefix`)}
      />
      <Select label={t('name.use')} fault={fault?.use?.message} {...form.register(`names.${at}.use`)}>
        {NAME_USES.map((use) => (
          <option key={use} value={use}>
            {t(`name_use.${use}`)}
          </option>
        ))}
      </Select>
    </div>
  );
}

function IdentifierRow({ form, at }: { form: Form; at: number }) {
  const { t } = useText();
  const fault = form.formState.errors.identifiers?.[at];
  return (
    <div className="grid">
      <Select label={t('identifier.kind')} fault={fault?.kind?.message} {...form.register(`identifiers.${at}.kind`)}>
        {IDENTIFIER_KINDS[JURISDICTION].map((kind) => (
          <option key={kind} value={kind}>
            {t(`identifier.${kind}`)}
          </option>
        ))}
      </Select>
      <Field
        label={t('identifier.value')}
        hint={t('identifier.masked_hint')}
        fault={fault?.value?.message ?? fault?.message}
        {...form.register(`identifiers.${at}.value`)}
      />
    </div>
  );
}
