// The own account: the address codes go to, what is stronger than a code, where one is signed in, the language.
import { Security } from '../../clinic/account/security.tsx';
import type { Me } from '../../clinic/me.ts';
import { LanguageSelect } from '../../shell/door.tsx';
import { useMe } from '../../shell/session.tsx';
import { useText } from '../../text/text.tsx';
import { useAbility } from '../abilities.ts';

export function Account() {
  return <Security before={<Address />} after={<Language />} ability={useAbility()} />;
}

function Address() {
  const { t } = useText();
  const me = useMe<Me>();
  return (
    <section className="panel" aria-label={t('sign_in.email')}>
      <h2>{t('sign_in.email')}</h2>
      <p>
        <bdi>{me.email}</bdi>
      </p>
      <p className="quiet-text">{t('account.email_text')}</p>
    </section>
  );
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
