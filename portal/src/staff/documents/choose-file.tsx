// Choosing a file that the server would take, by its dialog or by dropping it.
import { type DragEvent, Fragment, type ReactNode, useState } from 'react';
import { type Key, useText } from '../../text/text.tsx';
import { Notice } from '../../ui/feedback.tsx';
import { ACCEPT, FILE_MAX_BYTES, mediaTypeOf } from './kinds.ts';

interface Props {
  /** What is done with the file; it can be put back, so that another one is chosen. */
  children: (file: File, putBack: () => void) => ReactNode;
}

export function ChooseFile({ children }: Props) {
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
  if (file) {
    return <Fragment key={`${file.name} ${file.lastModified}`}>{children(file, () => setFile(undefined))}</Fragment>;
  }
  return (
    <>
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
      {wrong && <Notice kind="bad" title={t(wrong)} />}
    </>
  );
}
