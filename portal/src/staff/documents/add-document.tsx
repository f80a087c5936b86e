// Adding a document: chosen or dropped, named, sent with its progress in sight, and given up by one button.
import { type DragEvent, useEffect, useRef, useState } from 'react';
import { CallError } from '../../api/call.ts';
import type { DocumentKind } from '../../api/clinic.gen.ts';
import { useSize } from '../../clinic/documents/size.ts';
import type { Me } from '../../clinic/me.ts';
import { useMe } from '../../shell/session.tsx';
import { type Key, useText } from '../../text/text.tsx';
import { Button } from '../../ui/button.tsx';
import { useFaults } from '../../ui/faults.ts';
import { Failure, Notice } from '../../ui/feedback.tsx';
import { Field, Select } from '../../ui/field.tsx';
import { ACCEPT, FILE_MAX_BYTES, kindsOf, mediaTypeOf, titleOf } from './kinds.ts';
import { upload } from './upload.ts';

interface Props {
  patient: string;
  done: (words?: Key) => Promise<void>;
}

export function AddDocument({ patient, done }: Props) {
  const { t } = useText();
  const [file, setFile] = useState<File>();
  const [wrong, setWrong] = useState<Key>();
  const [over, setOver] = useState(false);
  const take = (chosen: File | undefined) => {
    setOver(false);
    if (!chosen) return;
    const fits = chosen.size > 0 && chosen.size <= FILE_MAX_BYTES;
    setWrong(mediaTypeOf(chosen) ? (fits ? undefined : 'refusal.size') : 'refusal.type_not_allowed');
    setFile(mediaTypeOf(chosen) && fits ? chosen : undefined);
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    take(event.dataTransfer.files[0]);
  };
  const finish = async (words?: Key) => {
    setFile(undefined);
    await done(words);
  };
  return (
    <section className="panel" aria-label={t('document.add')}>
      <h2>{t('document.add')}</h2>
      {file ? (
        <Sending key={`${file.name} ${file.lastModified}`} {...{ patient, file, finish }} />
      ) : (
        <label
          className="drop"
          data-over={over || undefined}
          onDragOver={(event) => {
            event.preventDefault();
            setOver(true);
          }}
          onDragLeave={() => setOver(false)}
          onDrop={drop}
        >
          <span className="drop-title">{t('document.choose')}</span>
          <span className="hint">{t('document.choose_hint')}</span>
          <input
            className="visually-hidden"
            type="file"
            accept={ACCEPT}
            aria-label={t('document.choose')}
            onChange={(event) => take(event.target.files?.[0])}
          />
        </label>
      )}
      {wrong && <Notice kind="bad" title={t(wrong)} />}
    </section>
  );
}

interface SendingProps {
  patient: string;
  file: File;
  finish: (words?: Key) => Promise<void>;
}

function Sending({ patient, file, finish }: SendingProps) {
  const { t, number } = useText();
  const size = useSize();
  const kinds = kindsOf(useMe<Me>().role);
  const faults = useFaults();
  const [title, setTitle] = useState(titleOf(file.name));
  const [kind, setKind] = useState<DocumentKind>(kinds[0] ?? 'other');
  const [share, setShare] = useState<number>();
  const [failure, setFailure] = useState<unknown>();
  const [fault, setFault] = useState<string>();
  const stop = useRef<AbortController>(undefined);
  // Who leaves the screen has stopped waiting for it.
  useEffect(() => () => stop.current?.abort(), []);

  const go = async () => {
    const mediaType = mediaTypeOf(file);
    if (!mediaType) return;
    const controller = new AbortController();
    stop.current = controller;
    setFailure(undefined);
    setFault(undefined);
    setShare(0);
    try {
      await upload({ patient, kind, title, mediaType, file }, { signal: controller.signal, progress: setShare });
      await finish('document.sent');
    } catch (error) {
      if (controller.signal.aborted) return finish('document.given_up');
      const wrong = error instanceof CallError ? error.fields.find(({ pointer }) => pointer === '/title') : undefined;
      if (wrong) setFault(faults.words(wrong.code));
      else setFailure(error);
    }
    setShare(undefined);
  };
  if (share !== undefined) {
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
          <Button onClick={() => stop.current?.abort()}>{t('document.give_up')}</Button>
        </div>
      </div>
    );
  }
  return (
    <form
      className="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void go();
      }}
    >
      {failure !== undefined && <Failure error={failure} />}
      <p className="quiet-text">
        <bdi>{file.name}</bdi>, {size(file.size)}
      </p>
      <div className="grid">
        <Field
          label={t('document.title')}
          value={title}
          maxLength={200}
          fault={fault}
          onChange={(event) => setTitle(event.target.value)}
        />
        <Select
          label={t('document.kind')}
          value={kind}
          onChange={(event) => setKind(event.target.value as DocumentKind)}
        >
          {kinds.map((one) => (
            <option key={one} value={one}>
              {t(`document_kind.${one}`)}
            </option>
          ))}
        </Select>
      </div>
      <div className="actions end">
        <Button onClick={() => void finish()}>{t('cancel')}</Button>
        <Button type="submit" look="primary">
          {t('document.send')}
        </Button>
      </div>
    </form>
  );
}
