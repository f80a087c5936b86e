// What a document is filed under: its kind, unless that is given, and the date that it bears.
import type { UseFormReturn } from 'react-hook-form';
import type { DocumentKind } from '../../api/clinic.gen.ts';
import type { Me } from '../../clinic/me.ts';
import { useMe } from '../../shell/session.tsx';
import { useText } from '../../text/text.tsx';
import { Field, Select } from '../../ui/field.tsx';
import { kindsOf } from './kinds.ts';

/** What a form with these fields holds, besides its own. */
export interface Filing {
  kind: DocumentKind;
  dated_on: string;
}

interface Props<Typed extends Filing> {
  form: UseFormReturn<Typed>;
  /** The kind is given, and nobody is asked for it. */
  fixed?: boolean;
}

export function FilingFields<Typed extends Filing>({ form, fixed = false }: Props<Typed>) {
  const { t } = useText();
  const kinds = kindsOf(useMe<Me>().role);
  // The fields of any form that has these two.
  const { register, formState } = form as unknown as UseFormReturn<Filing>;
  const { errors } = formState;
  return (
    <>
      {!fixed && (
        <Select label={t('document.kind')} fault={errors.kind?.message} {...register('kind')}>
          {kinds.map((kind) => (
            <option key={kind} value={kind}>
              {t(`document_kind.${kind}`)}
            </option>
          ))}
        </Select>
      )}
      <Field
        type="date"
        label={t('document.dated_on')}
        optional={t('optional')}
        fault={errors.dated_on?.message}
        {...register('dated_on')}
      />
    </>
  );
}
