// Before the first look at a record: whose account needs a second step and has none sets one up.
import { lazy, Suspense } from 'react';
import { Door } from '../../shell/door.tsx';
import { useSession } from '../../shell/session.tsx';
import { useText } from '../../text/text.tsx';
import { Button } from '../../ui/button.tsx';
import { Loading } from '../../ui/feedback.tsx';
import { useTitle } from '../../ui/title.ts';
import type { Me } from '../me.ts';
import { usePlaceLine } from '../place.ts';

// Needed once in a while, so it is loaded then.
const Enrol = lazy(() => import('./enrol.tsx'));

export function EnrolFirst() {
  const { t } = useText();
  const { begin, signOut } = useSession<Me>();
  useTitle(t('enrol.title'));
  return (
    <Door place={usePlaceLine()} title={t('enrol.title')}>
      <Suspense fallback={<Loading />}>
        <Enrol done={(csrfToken) => void begin(csrfToken)} />
      </Suspense>
      <Button look="quiet" onClick={() => void signOut()}>
        {t('factor.leave')}
      </Button>
    </Door>
  );
}
