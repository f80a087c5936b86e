// Asks a minute before an idle session ends, and ends it when nobody answers.
import { useEffect, useState } from 'react';
import { useText } from '../text/text.tsx';
import { Button } from '../ui/button.tsx';
import { Confirm } from '../ui/dialog.tsx';

interface Props {
  /** When the session ends if nothing is asked of the server, in milliseconds since the epoch. */
  endsAt: number;
  warnS: number;
  stay: () => Promise<unknown>;
  leave: () => Promise<void>;
}

export default function IdleWarning({ endsAt, warnS, stay, leave }: Props) {
  const { t, number } = useText();
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const leftS = Math.ceil((endsAt - now) / 1000);
  const over = leftS <= 0;
  useEffect(() => {
    if (over) void leave();
  }, [over, leave]);
  const warn = leftS <= warnS && !over;
  return (
    <Confirm
      open={warn}
      title={t('idle.title')}
      actions={
        <>
          <Button onClick={() => void leave()}>{t('idle.leave')}</Button>
          <Button look="primary" onClick={() => void stay().catch(() => undefined)}>
            {t('idle.stay')}
          </Button>
        </>
      }
    >
      <p role="timer" aria-live="off">
        {t('idle.left', { seconds: number(Math.max(leftS, 0)) })}
      </p>
    </Confirm>
  );
}
