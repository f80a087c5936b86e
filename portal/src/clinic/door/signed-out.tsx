// After a session: nothing of it is left on this screen.
import { Door } from '../../shell/door.tsx';
import { useText } from '../../text/text.tsx';
import { useTitle } from '../../ui/title.ts';
import { usePlaceLine } from '../place.ts';

export function SignedOut({ again }: { again: string }) {
  const { t } = useText();
  useTitle(t('signed_out.title'));
  return (
    <Door place={usePlaceLine()} title={t('signed_out.title')}>
      <p>{t('signed_out.text')}</p>
      <a className="button primary" href={again}>
        {t('signed_out.again')}
      </a>
    </Door>
  );
}
