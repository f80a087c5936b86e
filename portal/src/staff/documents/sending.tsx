// A chosen file on its way: named, sent with its progress in sight, and given up by one button.
import { useEffect, useRef, useState } from 'react';
import { useForm } from 'react-hook-form';
import { CallError } from '../../api/call.ts';
import type { DocumentView } from '../../api/clinic.gen.ts';
import { useSize } from '../../clinic/documents/size.ts';
import type { Me } from '../../clinic/me.ts';
import { useMe } from '../../shell/session.tsx';
import { type Key, useText } from '../../text/text.tsx';
import { Button } from '../../ui/button.tsx';
import { useFaults } from '../../ui/faults.ts';
import { Failure } from '../../ui/feedback.tsx';
import { Field } from '../../ui/field.tsx';
import { type Filing, FilingFields } from './filing.tsx';
import { kindsOf, mediaTypeOf, TITLE_MAX_CHARS, titleOf } from './kinds.ts';
import { upload } from './upload.ts';

interface Props {
  patient: string;
  file: File;
  /** The document that this one takes the place of; it is of the same kind. */
  replaces?: DocumentView | undefined;
  finish: (words?: Key) => Promise<void>;
}

export function Sending({ patient, file, replaces, finish }: Props) {
  const { t } = useText();
  const kinds = kindsOf(useMe<Me>().role);
  const faults = useFaults();
  const [share, setShare] = useState<number>();
  const [failure, setFailure] = useState<unknown>();
  const stop = useRef<AbortController>(undefined);
  // Who leaves the screen has stopped waiting for it.
  useEffect(() => () => stop.current?.abort(), []);
  const form = useForm<Filing & { title: string }>({
    defaultValues: {
      title: replaces?.title ?? titleOf(file.name),
      kind: replaces?.kind ?? kinds[0] ?? 'other',
      dated_on: '',
    },
  });
  const { errors } = form.formState;

  const submit = form.handleSubmit(async ({ title, kind, dated_on }) => {
    const mediaType = mediaTypeOf(file);
    if (!mediaType) return;
    const controller = new AbortController();
    stop.current = controller;
    setFailure(undefined);
    setShare(0);
    try {
      const what = { patient, kind, title, datedOn: dated_on, mediaType, file, replaces };
      await upload(what, { signal: controller.signal, progress: setShare });
      await finish(replaces ? 'document.replaced' : 'document.sent');
    } catch (error) {
      if (controller.signal.aborted) return finish('document.given_up');
      if (!(error instanceof CallError && faults.put(form, error))) setFailure(error);
    }
    setShare(undefined);
  });
  return (
    <>
      {share !== undefined && (
        <Progress title={form.getValues('title')} {...{ file, share }} giveUp={() => stop.current?.abort()} />
      )}
      {/* It stays while the file is sent: what the server finds wrong is put beside its field. */}
      <form className="stack" onSubmit={submit} noValidate hidden={share !== undefined}>
        {failure !== undefined && <Failure error={failure} />}
        <FileName file={file} />
        <div className="grid">
          <Field
            label={t('document.title')}
            maxLength={TITLE_MAX_CHARS}
            fault={errors.title && (errors.title.message || t('fault.required'))}
            {...form.register('title', { required: true })}
          />
          <FilingFields form={form} fixed={replaces !== undefined} />
        </div>
        <div className="actions end">
          <Button onClick={() => void finish()}>{t('cancel')}</Button>
          <Button type="submit" look="primary">
            {t(replaces ? 'document.replace_go' : 'document.send')}
          </Button>
        </div>
      </form>
    </>
  );
}

function FileName({ file }: { file: File }) {
  const size = useSize();
  return (
    <p className="quiet-text">
      <bdi>{file.name}</bdi>, {size(file.size)}
    </p>
  );
}

interface ProgressProps {
  title: string;
  file: File;
  /** Of all bytes, from 0 to 1. */
  share: number;
  giveUp: () => void;
}

function Progress({ title, file, share, giveUp }: ProgressProps) {
  const { t, number } = useText();
  const size = useSize();
  return (
    <div className="stack">
      <p>
        <bdi>{title}</bdi>
      </p>
      <progress className="progress" aria-label={t('document.sending')} max={1} value={share} />
      <p className="quiet-text">
        {t('document.progress', { share: number(Math.floor(share * 100)), size: size(file.size) })}
      </p>
      <div className="actions">
        <Button onClick={giveUp}>{t('document.give_up')}</Button>
      </div>
    </div>
  );
}
