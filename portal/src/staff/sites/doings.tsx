// What can be done with one site: another name, closing it, opening it again.
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { call } from '../../api/call.ts';
import { type SiteView, siteClose, siteRename, siteReopen } from '../../api/clinic.gen.ts';
import { type Key, useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Confirm, Sheet } from '../../ui/dialog.tsx';
import { Field } from '../../ui/field.tsx';

/** The server's limit (app/src/sites/api.rs). */
export const NAME_MAX_CHARS = 100;

interface Props {
  one: SiteView;
  /** Says what was done, and to which site. */
  changed: (words: Key, name: string) => Promise<void>;
}

export function Doings({ one, changed }: Props) {
  return (
    <div className="actions">
      <Rename {...{ one, changed }} />
      {one.closed_at ? <Reopen {...{ one, changed }} /> : <Close {...{ one, changed }} />}
    </div>
  );
}

function Rename({ one, changed }: Props) {
  const { t } = useText();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button look="quiet" aria-label={`${t('sites.rename')}: ${one.name}`} onClick={() => setOpen(true)}>
        {t('sites.rename')}
      </Button>
      <Sheet open={open} close={() => setOpen(false)} title={t('sites.rename_title', { name: one.name })}>
        <RenameForm {...{ one, changed }} close={() => setOpen(false)} />
      </Sheet>
    </>
  );
}

function RenameForm({ one, changed, close }: Props & { close: () => void }) {
  const { t } = useText();
  const { attempt, failed } = useAttempt();
  const form = useForm({ defaultValues: { name: one.name } });
  const { errors, isSubmitting } = form.formState;
  const submit = form.handleSubmit((body) =>
    attempt(async () => {
      const { data } = await call(siteRename, { path: { id: one.id }, body });
      close();
      await changed('sites.renamed', data.name);
    }, form),
  );
  return (
    <form onSubmit={submit} noValidate className="stack">
      {failed}
      <Field
        label={t('sites.name')}
        hint={t('sites.name_hint')}
        maxLength={NAME_MAX_CHARS}
        fault={errors.name && (errors.name.message || t('fault.required'))}
        {...form.register('name', { required: true })}
      />
      <div className="actions end">
        <Button onClick={close}>{t('cancel')}</Button>
        <Button type="submit" look="primary" busy={isSubmitting}>
          {t('edit.go')}
        </Button>
      </div>
    </form>
  );
}

function Close({ one, changed }: Props) {
  const { t } = useText();
  const [asking, setAsking] = useState(false);
  const { attempt, busy, failed } = useAttempt();
  const close = () =>
    attempt(async () => {
      await call(siteClose, { path: { id: one.id } });
      setAsking(false);
      await changed('sites.closed_now', one.name);
    });
  return (
    <>
      <Button look="quiet" aria-label={`${t('sites.close')}: ${one.name}`} onClick={() => setAsking(true)}>
        {t('sites.close')}
      </Button>
      <Confirm
        open={asking}
        title={t('sites.close_title', { name: one.name })}
        actions={
          <>
            <Button onClick={() => setAsking(false)}>{t('cancel')}</Button>
            <Button look="danger" busy={busy} onClick={() => void close()}>
              {t('sites.close')}
            </Button>
          </>
        }
      >
        <p>{t('sites.close_text')}</p>
        {failed}
      </Confirm>
    </>
  );
}

function Reopen({ one, changed }: Props) {
  const { t } = useText();
  const { attempt, busy, failed } = useAttempt();
  const reopen = () =>
    attempt(async () => {
      await call(siteReopen, { path: { id: one.id } });
      await changed('sites.reopened', one.name);
    });
  return (
    <>
      <Button look="quiet" busy={busy} aria-label={`${t('sites.reopen')}: ${one.name}`} onClick={() => void reopen()}>
        {t('sites.reopen')}
      </Button>
      {failed}
    </>
  );
}
