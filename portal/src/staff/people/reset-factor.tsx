// Taking a colleague's lost second step, so that they set up a new one.
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { factorReset, type StaffView } from '../../api/clinic.gen.ts';
import { useStepUp } from '../../clinic/account/step-up.tsx';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Notice } from '../../ui/feedback.tsx';

export function ResetFactor({ one }: { one: StaffView }) {
  const { t } = useText();
  const fresh = useStepUp();
  const [open, setOpen] = useState(false);
  const { attempt, busy, failed } = useAttempt();
  const [done, setDone] = useState<'reset' | 'asked'>();
  const reset = () =>
    attempt(async () => {
      const { data } = await fresh(() => call(factorReset, { path: { id: one.account } }));
      // A second person is needed when the server answers with more than that it is done.
      setDone(data ? 'asked' : 'reset');
    });
  return (
    <>
      <Button look="quiet" aria-label={`${t('staff.reset')}: ${one.display_name}`} onClick={() => setOpen(true)}>
        {t('staff.reset')}
      </Button>
      <Confirm
        open={open}
        title={t('staff.reset_title', { name: one.display_name })}
        actions={
          <>
            <Button onClick={() => setOpen(false)}>{t(done ? 'close' : 'cancel')}</Button>
            {!done && (
              <Button look="danger" busy={busy} onClick={() => void reset()}>
                {t('staff.reset')}
              </Button>
            )}
          </>
        }
      >
        {done ? (
          <Notice kind="good" title={t(done === 'asked' ? 'staff.reset_asked' : 'staff.reset_done')} />
        ) : (
          <p>{t('staff.reset_text')}</p>
        )}
        {failed}
      </Confirm>
    </>
  );
}
