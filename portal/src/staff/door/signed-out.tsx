// After a session: nothing of it is left on this screen.

import { CLINIC_BASE, clinic } from '../../paths.ts';
import { CLINIC, REGION } from '../../place.ts';
import { Door } from '../../shell/frame.tsx';
import { type Key, useText } from '../../text/text.tsx';
import { useTitle } from '../../ui/title.ts';

export function SignedOut() {
  const { t } = useText();
  useTitle(t('signed_out.title'));
  return (
    <Door place={`${CLINIC} · ${t(`region.${REGION}` as Key)}`} title={t('signed_out.title')}>
      <p>{t('signed_out.text')}</p>
      <a className="button primary" href={`${CLINIC_BASE}${clinic.signIn}`}>
        {t('signed_out.again')}
      </a>
    </Door>
  );
}
