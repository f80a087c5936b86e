// How a person is reached, as fields: the same for the desk and for the person.
import type { ReactNode } from 'react';
import { type ArrayPath, type FieldArray, type UseFormReturn, useFieldArray } from 'react-hook-form';
import type { ContactUse } from '../../api/clinic.gen.ts';
import { JURISDICTION } from '../../place.ts';
import { useText } from '../../text/text.tsx';
import { Button } from '../../ui/button.tsx';
import { Field, Select, TextArea } from '../../ui/field.tsx';
import { ADDRESS, CONTACT, LIMITS, type PersonForm } from './person-form.ts';

const USES: ContactUse[] = ['mobile', 'home', 'work', 'temporary', 'old'];

type Form = UseFormReturn<PersonForm>;

export function ContactFields({ form }: { form: Form }) {
  const { t } = useText();
  return (
    <>
      <Rows form={form} list="phones" limits={[0, LIMITS.contacts]} fresh={CONTACT} title={t('person.phones')}>
        {(at) => <ContactRow form={form} list="phones" at={at} />}
      </Rows>
      <Rows form={form} list="emails" limits={[0, LIMITS.contacts]} fresh={CONTACT} title={t('person.emails')}>
        {(at) => <ContactRow form={form} list="emails" at={at} />}
      </Rows>
      <Rows
        form={form}
        list="addresses"
        limits={[0, LIMITS.contacts]}
        fresh={{ ...ADDRESS, country: JURISDICTION }}
        title={t('person.addresses')}
      >
        {(at) => <AddressRow form={form} at={at} />}
      </Rows>
    </>
  );
}

interface RowsProps<L extends ArrayPath<PersonForm>> {
  form: Form;
  list: L;
  title: string;
  /** Fewest and most rows. */
  limits: [number, number];
  fresh: FieldArray<PersonForm, L>;
  children: (at: number) => ReactNode;
}

/** A list of rows, each with a way to take it out, and a way to add one up to the server's limit. */
export function Rows<L extends ArrayPath<PersonForm>>({
  form,
  list,
  title,
  limits: [min, max],
  fresh,
  children,
}: RowsProps<L>) {
  const { t, number } = useText();
  const rows = useFieldArray({ control: form.control, name: list });
  return (
    <fieldset className="panel">
      <legend>{title}</legend>
      {rows.fields.map((row, at) => (
        <div className="row" key={row.id}>
          <div className="row-fields">{children(at)}</div>
          {rows.fields.length > min && (
            <Button
              look="quiet"
              aria-label={`${t('remove')}: ${title} ${number(at + 1)}`}
              onClick={() => rows.remove(at)}
            >
              {t('remove')}
            </Button>
          )}
        </div>
      ))}
      {rows.fields.length < max && (
        <Button look="quiet" aria-label={`${t('add')}: ${title}`} onClick={() => rows.append(fresh)}>
          + {t('add')}
        </Button>
      )}
    </fieldset>
  );
}

type UseName = `${'phones' | 'emails' | 'addresses'}.${number}.use`;

function UseSelect({ form, name, fault }: { form: Form; name: UseName; fault?: string | undefined }) {
  const { t } = useText();
  return (
    <Select label={t('contact.use')} fault={fault} {...form.register(name)}>
      <option value="">{t('contact.use_none')}</option>
      {USES.map((use) => (
        <option key={use} value={use}>
          {t(`contact_use.${use}`)}
        </option>
      ))}
    </Select>
  );
}

function ContactRow({ form, list, at }: { form: Form; list: 'phones' | 'emails'; at: number }) {
  const { t } = useText();
  const fault = form.formState.errors[list]?.[at];
  const phone = list === 'phones';
  return (
    <div className="grid">
      <Field
        type={phone ? 'tel' : 'email'}
        label={t(phone ? 'contact.phone' : 'contact.email')}
        hint={phone ? t(`contact.phone_hint_${JURISDICTION}`) : undefined}
        fault={fault?.value?.message ?? fault?.message}
        {...form.register(`${list}.${at}.value`)}
      />
      <UseSelect form={form} name={`${list}.${at}.use`} fault={fault?.use?.message} />
    </div>
  );
}

function AddressRow({ form, at }: { form: Form; at: number }) {
  const { t } = useText();
  const fault = form.formState.errors.addresses?.[at];
  const field = (name: 'city' | 'district' | 'state' | 'postal_code' | 'country') => ({
    fault: fault?.[name]?.message,
    ...form.register(`addresses.${at}.${name}`),
  });
  return (
    <div className="grid">
      <TextArea
        label={t('address.lines')}
        fault={fault?.lines?.message ?? fault?.message}
        {...form.register(`addresses.${at}.lines`)}
      />
      <Field label={t('address.city')} {...field('city')} />
      <Field label={t(`address.district_${JURISDICTION}`)} {...field('district')} />
      <Field label={t(`address.state_${JURISDICTION}`)} {...field('state')} />
      <Field label={t(`address.postal_code_${JURISDICTION}`)} {...field('postal_code')} />
      <Field label={t('address.country')} hint={t('address.country_hint')} maxLength={2} {...field('country')} />
      <UseSelect form={form} name={`addresses.${at}.use`} fault={fault?.use?.message} />
    </div>
  );
}
