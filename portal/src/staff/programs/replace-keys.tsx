// New public keys for a program: what was signed with another one is worth nothing from then on.
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { call } from '../../api/call.ts';
import { type ClientView, oauthClientKeys } from '../../api/clinic.gen.ts';
import { useStepUp } from '../../clinic/account/step-up.tsx';
import { type Key, useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Sheet } from '../../ui/dialog.tsx';
import { useFaults } from '../../ui/faults.ts';
import { TextArea } from '../../ui/field.tsx';
import { readKeys } from './jwks.ts';

interface Props {
  one: ClientView;
  changed: (words: Key) => Promise<void>;
}

export function ReplaceKeys({ one, changed }: Props) {
  const { t } = useText();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button aria-label={`${t('programs.rekey')}: ${one.name}`} onClick={() => setOpen(true)}>
        {t('programs.rekey')}
      </Button>
      <Sheet open={open} close={() => setOpen(false)} title={t('programs.rekey_title', { name: one.name })}>
        <KeysForm {...{ one, changed }} close={() => setOpen(false)} />
      </Sheet>
    </>
  );
}

function KeysForm({ one, changed, close }: Props & { close: () => void }) {
  const { t } = useText();
  const faults = useFaults();
  const fresh = useStepUp();
  const { attempt, failed } = useAttempt();
  const form = useForm({ defaultValues: { jwks: '' } });
  const { errors, isSubmitting } = form.formState;
  const submit = form.handleSubmit(async ({ jwks }) => {
    const read = readKeys(jwks);
    if ('fault' in read) return form.setError('jwks', { message: faults.words(read.fault) }, { shouldFocus: true });
    await attempt(async () => {
      await fresh(() => call(oauthClientKeys, { path: { id: one.id }, body: { jwks: read } }));
      close();
      await changed('programs.rekeyed');
    }, form);
  });
  return (
    <form onSubmit={submit} noValidate className="stack">
      <p>{t('programs.rekey_text')}</p>
      {failed}
      <TextArea
        label={t('programs.jwks')}
        hint={t('programs.jwks_hint')}
        rows={6}
        fault={errors.jwks && (errors.jwks.message || t('fault.required'))}
        {...form.register('jwks', { required: true })}
      />
      <div className="actions end">
        <Button onClick={close}>{t('cancel')}</Button>
        <Button type="submit" look="primary" busy={isSubmitting}>
          {t('programs.rekey')}
        </Button>
      </div>
    </form>
  );
}
