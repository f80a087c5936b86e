// A colleague's own account: its number for care teams, its security, its password.
import { useQueryClient } from '@tanstack/react-query';
import { Security } from '../../clinic/account/security.tsx';
import { SESSIONS_KEY } from '../../clinic/account/use-sessions.ts';
import type { Me } from '../../clinic/me.ts';
import { useMe } from '../../shell/session.tsx';
import { useText } from '../../text/text.tsx';
import { Password } from './password.tsx';

export function Account() {
  const queries = useQueryClient();
  const { t, has } = useText();
  const ability = (action: string) => {
    const key = `client_scope.${action}`;
    return has(key) ? t(key) : action;
  };
  return (
    <Security
      before={<AccountNumber />}
      ability={ability}
      after={<Password changed={() => void queries.invalidateQueries({ queryKey: SESSIONS_KEY })} />}
    />
  );
}

function AccountNumber() {
  const { t } = useText();
  const me = useMe<Me>();
  return (
    <section className="panel">
      <h2>{t('account.number')}</h2>
      <p>
        <code>{me.account}</code>
      </p>
      <p className="quiet-text">{t('account.number_hint')}</p>
    </section>
  );
}
