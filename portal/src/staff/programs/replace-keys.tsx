// New public keys for a program: what was signed with another one is worth nothing from then on.
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { CallError, call } from '../../api/call.ts';
import { type ClientView, oauthClientKeys } from '../../api/clinic.gen.ts';
import { useStepUp } from '../../clinic/account/step-up.tsx';
import { type Key, useText } from '../../text/text.tsx';
import { Button } from '../../ui/button.tsx';
import { Sheet } from '../../ui/dialog.tsx';
import { useFaults } from '../../ui/faults.ts';
import { Failure } from '../../ui/feedback.tsx';
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
  const [failure, setFailure] = useState<unknown>();
  const form = useForm({ defaultValues: { jwks: '' } });
  const { errors, isSubmitting } = form.formState;
  const submit = form.handleSubmit(async ({ jwks }) => {
    setFailure(undefined);
    const read = readKeys(jwks);
    if ('fault' in read) return form.setError('jwks', { message: faults.words(read.fault) }, { shouldFocus: true });
    try {
      await fresh(() => call(oauthClientKeys, { path: { id: one.id }, body: { jwks: read } }));
      close();
      await changed('programs.rekeyed');
    } catch (error) {
      if (!(error instanceof CallError && faults.put(form, error))) setFailure(error);
    }
  });
  return (
    <form onSubmit={submit} noValidate className="stack">
      <p>{t('programs.rekey_text')}</p>
      {failure !== undefined && <Failure error={failure} />}
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
