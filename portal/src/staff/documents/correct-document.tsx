// Correcting what is said about a document, never what is in it.
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { CallError, call, versionTag } from '../../api/call.ts';
import { documentUpdate } from '../../api/clinic.gen.ts';
import { useText } from '../../text/text.tsx';
import { Button } from '../../ui/button.tsx';
import { Sheet } from '../../ui/dialog.tsx';
import { useFaults } from '../../ui/faults.ts';
import { Failure } from '../../ui/feedback.tsx';
import { Field, TextArea } from '../../ui/field.tsx';
import type { DoingProps } from './doings.tsx';
import { NOTES_MAX_CHARS, TITLE_MAX_CHARS } from './kinds.ts';

export function CorrectDocument({ one, changed }: DoingProps) {
  const { t } = useText();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button look="quiet" aria-label={`${t('document.correct')}: ${one.title}`} onClick={() => setOpen(true)}>
        {t('document.correct')}
      </Button>
      <Sheet open={open} close={() => setOpen(false)} title={t('document.correct_title')}>
        <WordsForm {...{ one, changed }} close={() => setOpen(false)} />
      </Sheet>
    </>
  );
}

function WordsForm({ one, changed, close }: DoingProps & { close: () => void }) {
  const { t } = useText();
  const faults = useFaults();
  const [failure, setFailure] = useState<unknown>();
  // What was read when the form was opened: a newer one is not written over.
  const [read] = useState(one);
  const form = useForm({ defaultValues: { title: read.title, notes: read.notes ?? '' } });
  const { errors, isSubmitting } = form.formState;
  const submit = form.handleSubmit(async ({ title, notes }) => {
    setFailure(undefined);
    const body = { title, ...(notes.trim() && { notes }) };
    try {
      await call(documentUpdate, { path: { id: read.id }, ifMatch: versionTag(read), body });
      close();
      await changed('document.corrected');
    } catch (error) {
      if (error instanceof CallError && faults.put(form, error)) return;
      setFailure(error);
      if (error instanceof CallError && error.code === 'stale_version') await changed();
    }
  });
  return (
    <form onSubmit={submit} noValidate className="stack">
      <p>{t('document.correct_text')}</p>
      {failure !== undefined && <Failure error={failure} />}
      <Field
        label={t('document.title')}
        maxLength={TITLE_MAX_CHARS}
        fault={errors.title && (errors.title.message || t('fault.required'))}
        {...form.register('title', { required: true })}
      />
      <TextArea
        label={t('document.notes')}
        hint={t('document.notes_hint')}
        optional={t('optional')}
        rows={4}
        maxLength={NOTES_MAX_CHARS}
        fault={errors.notes?.message}
        {...form.register('notes')}
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
