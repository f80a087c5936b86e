// On paper: of which clinic it is, who printed it and when, and whose record it is about.
import { type ReactNode, useEffect, useState } from 'react';
import { flushSync } from 'react-dom';
import { CLINIC, REGION } from '../place.ts';
import { type Key, useText } from '../text/text.tsx';

interface Props {
  /** Whose name is on the page as who printed it. */
  reader: string;
  /** Whose record it is, where no heading says so. */
  about?: ReactNode;
}

export function PrintHead({ reader, about }: Props) {
  const { t, moment } = useText();
  const when = usePrintedAt();
  return (
    <div className="print-only">
      {about && <p>{about}</p>}
      <p>
        {t('record.printed', {
          clinic: CLINIC,
          region: t(`region.${REGION}` as Key),
          who: reader,
          when: moment(when.toISOString()),
        })}
      </p>
    </div>
  );
}

/** When it is printed, which may be long after it was opened. */
function usePrintedAt(): Date {
  const [when, setWhen] = useState(() => new Date());
  useEffect(() => {
    // The paper shows what is there when this ends.
    const now = () => flushSync(() => setWhen(new Date()));
    window.addEventListener('beforeprint', now);
    return () => window.removeEventListener('beforeprint', now);
  }, []);
  return when;
}
