// A password of one's own choice, typed twice.
import type { UseFormRegisterReturn } from 'react-hook-form';
import { useText } from '../../text/text.tsx';
import { Field } from '../../ui/field.tsx';

/** The server's rule for passwords (app/src/auth/rules.rs), said before it is broken. */
const PASSWORD_MIN_CHARS = 15;

interface Props {
  label: string;
  first: UseFormRegisterReturn;
  second: UseFormRegisterReturn;
  fault: string | undefined;
  /** Whether the two differ. */
  differs: boolean;
}

export function PasswordFields({ label, first, second, fault, differs }: Props) {
  const { t } = useText();
  return (
    <>
      <Field
        label={label}
        type="password"
        autoComplete="new-password"
        hint={t('accept.password_hint', { count: PASSWORD_MIN_CHARS })}
        fault={fault}
        {...first}
      />
      <Field
        label={t('accept.again')}
        type="password"
        autoComplete="new-password"
        fault={differs ? t('accept.differs') : undefined}
        {...second}
      />
    </>
  );
}
