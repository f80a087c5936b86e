// Correcting what is said about a document and what it is filed under, never what is in it.
import { useState } from 'react';
import { useForm } from 'react-hook-form';
import { call, isStale, versionTag } from '../../api/call.ts';
import { type DocumentView, documentRefile, documentUpdate } from '../../api/clinic.gen.ts';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Sheet } from '../../ui/dialog.tsx';
import { Field, TextArea } from '../../ui/field.tsx';
import type { DoingProps } from './doings.tsx';
import { type Filing, FilingFields } from './filing.tsx';
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
  const { attempt, failed } = useAttempt();
  // What was read when the form was opened: a newer one is not written over.
  const [read, setRead] = useState(one);
  const form = useForm({
    defaultValues: { title: read.title, notes: read.notes ?? '', kind: read.kind, dated_on: read.dated_on ?? '' },
  });
  const { errors, isSubmitting } = form.formState;
  const submit = form.handleSubmit(async (typed) => {
    const refused = await attempt(async () => {
      const corrected = await correct(read, typed, setRead);
      close();
      if (corrected) await changed('document.corrected');
    }, form);
    if (isStale(refused)) await changed();
  });
  return (
    <form onSubmit={submit} noValidate className="stack">
      <p>{t('document.correct_text')}</p>
      {failed}
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
      <div className="grid">
        <FilingFields form={form} />
      </div>
      <div className="actions end">
        <Button onClick={close}>{t('cancel')}</Button>
        <Button type="submit" look="primary" busy={isSubmitting}>
          {t('edit.go')}
        </Button>
      </div>
    </form>
  );
}

type Typed = Filing & { title: string; notes: string };

/** Sends what differs; whether anything did. Each half that is kept is what the next one is about, also when that is refused. */
async function correct(read: DocumentView, typed: Typed, kept: (now: DocumentView) => void): Promise<boolean> {
  let now = read;
  const keep = (data: DocumentView) => {
    now = data;
    kept(data);
  };
  const about = () => ({ path: { id: now.id }, ifMatch: versionTag(now) });
  const { title, notes, kind, dated_on } = typed;
  if (title !== now.title || notes !== (now.notes ?? '')) {
    const body = { title, ...(notes.trim() && { notes }) };
    keep((await call(documentUpdate, { ...about(), body })).data);
  }
  if (kind !== now.kind || dated_on !== (now.dated_on ?? '')) {
    const body = { kind, ...(dated_on && { dated_on }) };
    keep((await call(documentRefile, { ...about(), body })).data);
  }
  return now !== read;
}
