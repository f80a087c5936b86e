// What somebody calls a passkey, typed where one is made.
import type { UseFormRegisterReturn } from 'react-hook-form';
import { useText } from '../../text/text.tsx';
import { Field } from '../../ui/field.tsx';

/** Longest name, as the server counts it. */
const LABEL_MAX_CHARS = 64;

export function LabelField({ fault, ...field }: UseFormRegisterReturn & { fault: string | undefined }) {
  const { t } = useText();
  return (
    <Field
      label={t('passkeys.label')}
      hint={t('passkeys.label_hint')}
      fault={fault}
      {...field}
      maxLength={LABEL_MAX_CHARS}
    />
  );
}
