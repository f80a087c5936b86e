// The code that was sent to a new e-mail address or telephone, and is entered here.
import { useForm } from 'react-hook-form';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Field } from '../../ui/field.tsx';

/** Eight digits, with a space or dash where a hand puts one. */
const CODE_TYPED_MAX_CHARS = 12;

interface Props {
  /** Where it went and until when it is good. */
  sent: string;
  label: string;
  /** What using it does. */
  go: string;
  /** What asks for another one. */
  other: string;
  /** Uses the code; fails when it is refused. */
  use: (code: string) => Promise<void>;
  again: () => void;
}

export function SentCode({ sent, label, go, other, use, again }: Props) {
  const { t } = useText();
  const { attempt, failed } = useAttempt();
  const form = useForm({ defaultValues: { code: '' } });
  const { errors, isSubmitting } = form.formState;
  const submit = form.handleSubmit(async ({ code }) => {
    if (await attempt(() => use(code))) {
      form.reset();
      form.setFocus('code');
    }
  });
  return (
    <form onSubmit={submit} noValidate className="stack">
      <p role="status">{sent}</p>
      {failed}
      <Field
        label={label}
        hint={t('email.code_hint')}
        autoComplete="one-time-code"
        inputMode="numeric"
        maxLength={CODE_TYPED_MAX_CHARS}
        fault={errors.code && t('fault.required')}
        {...form.register('code', { required: true })}
      />
      <div className="actions">
        <Button type="submit" busy={isSubmitting}>
          {go}
        </Button>
        <Button look="quiet" onClick={again}>
          {other}
        </Button>
      </div>
    </form>
  );
}
