// The screen of an address that names nothing.
import { useText } from '../text/text.tsx';
import { Page } from '../ui/page.tsx';

export function NothingHere() {
  const { t } = useText();
  return (
    <Page title={t('nothing.title')}>
      <p>{t('nothing.text')}</p>
    </Page>
  );
}
