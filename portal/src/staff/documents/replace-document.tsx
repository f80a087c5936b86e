// Putting a newer document in the place of one: the old one stays in force until the new one was accepted, and readable then.
import { useState } from 'react';
import { useText } from '../../text/text.tsx';
import { Button } from '../../ui/button.tsx';
import { Sheet } from '../../ui/dialog.tsx';
import { ChooseFile } from './choose-file.tsx';
import type { DoingProps } from './doings.tsx';
import { Sending } from './sending.tsx';

export function ReplaceDocument({ one, changed }: DoingProps) {
  const { t } = useText();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button look="quiet" aria-label={`${t('document.replace')}: ${one.title}`} onClick={() => setOpen(true)}>
        {t('document.replace')}
      </Button>
      <Sheet open={open} close={() => setOpen(false)} title={t('document.replace_title', { title: one.title })}>
        <p>{t('document.replace_text')}</p>
        <ChooseFile>
          {(file, putBack) => (
            <Sending
              patient={one.patient}
              replaces={one}
              file={file}
              finish={async (words) => {
                if (!words) return putBack();
                setOpen(false);
                await changed(words);
              }}
            />
          )}
        </ChooseFile>
      </Sheet>
    </>
  );
}
