// The own account: what everybody's has, and the language.
import { Security } from '../../clinic/account/security.tsx';
import { LanguageSelect } from '../../shell/door.tsx';
import { useText } from '../../text/text.tsx';
import { useAbility } from '../abilities.ts';

export function Account() {
  return <Security after={<Language />} ability={useAbility()} />;
}

function Language() {
  const { t } = useText();
  return (
    <section className="panel" aria-label={t('frame.language')}>
      <h2>{t('frame.language')}</h2>
      <LanguageSelect />
    </section>
  );
}
