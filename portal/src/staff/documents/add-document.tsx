// Adding a document: chosen or dropped, then named and sent.
import { type Key, useText } from '../../text/text.tsx';
import { ChooseFile } from './choose-file.tsx';
import { Sending } from './sending.tsx';

interface Props {
  patient: string;
  done: (words?: Key) => Promise<void>;
}

export function AddDocument({ patient, done }: Props) {
  const { t } = useText();
  return (
    <section className="panel" aria-label={t('document.add')}>
      <h2>{t('document.add')}</h2>
      <ChooseFile>
        {(file, putBack) => (
          <Sending
            {...{ patient, file }}
            finish={async (words) => {
              putBack();
              await done(words);
            }}
          />
        )}
      </ChooseFile>
    </section>
  );
}
