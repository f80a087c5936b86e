// One clinic has two doors: who came to the wrong one is shown the other.
import { CLINIC_BASE, MY_BASE } from '../../paths.ts';
import { Door } from '../../shell/door.tsx';
import { useSession } from '../../shell/session.tsx';
import { useText } from '../../text/text.tsx';
import { Button } from '../../ui/button.tsx';
import { useTitle } from '../../ui/title.ts';
import type { Me } from '../me.ts';
import { usePlaceLine } from '../place.ts';

type Side = 'staff' | 'patients';
const BASES: Record<Side, string> = { staff: CLINIC_BASE, patients: MY_BASE };

/** The way to the other door, below a sign-in form. It is another application, so the page is loaded anew. */
export function WayToOther({ to }: { to: Side }) {
  const { t } = useText();
  return (
    <p className="other-door">
      <a href={BASES[to]}>{t(`door.to_${to}`)}</a>
    </p>
  );
}

/** For who is signed in with an account of the other side. */
export function OtherDoor({ leadsTo }: { leadsTo: Side }) {
  const { t } = useText();
  const { signOut } = useSession<Me>();
  useTitle(t('door.other_title'));
  return (
    <Door place={usePlaceLine()} title={t('door.other_title')}>
      <p>{t(`door.other_${leadsTo}`)}</p>
      <a className="button primary" href={BASES[leadsTo]}>
        {t('door.other_go')}
      </a>
      <Button look="quiet" onClick={() => void signOut()}>
        {t('factor.leave')}
      </Button>
    </Door>
  );
}
