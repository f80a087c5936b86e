// The security of the own account: what proves whose it is and where it is signed in, with what an application adds.
import { lazy, type ReactNode, Suspense, useState } from 'react';
import { call, keepCsrfToken } from '../../api/call.ts';
import { type FactorsView, recoveryRenew } from '../../api/clinic.gen.ts';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Failure, Loading } from '../../ui/feedback.tsx';
import { Page } from '../../ui/page.tsx';
import { Applications } from './applications.tsx';
import { Email } from './email.tsx';
import { Passkeys } from './passkeys.tsx';
import { Phone } from './phone.tsx';
import { Sessions } from './sessions.tsx';
import { useStepUp } from './step-up.tsx';
import { hasFactor, useFactors } from './use-factors.ts';

// Needed once in a while, so it is loaded then.
const Enrol = lazy(() => import('./enrol.tsx'));
const RecoveryCodes = lazy(() => import('./enrol.tsx').then((module) => ({ default: module.RecoveryCodes })));

interface Props {
  /** Panels above and below the ones that everybody has. */
  before?: ReactNode;
  after?: ReactNode;
  /** An action that an application may do, in the reader's words. */
  ability: (action: string) => string;
}

export function Security({ before, after, ability }: Props) {
  const { t } = useText();
  const { factors, look } = useFactors();
  return (
    <Page title={t('account.title')}>
      {factors.isPending && <Loading />}
      {factors.isError && <Failure error={factors.error} retry={() => void factors.refetch()} />}
      {factors.data && (
        <div className="columns">
          {before}
          <Email factors={factors.data} />
          <Phone factors={factors.data} />
          <Passkeys passkeys={factors.data.passkeys} changed={look} />
          <App factors={factors.data} changed={look} />
          {hasFactor(factors.data) && <Codes left={factors.data.recovery_codes_left} changed={look} />}
          <Sessions />
          <Applications ability={ability} />
          {after}
        </div>
      )}
    </Page>
  );
}

function App({ factors, changed }: { factors: FactorsView; changed: () => void }) {
  const { t, moment } = useText();
  const [enrolling, setEnrolling] = useState(false);
  const enrolled = (csrfToken: string) => {
    keepCsrfToken(csrfToken);
    setEnrolling(false);
    changed();
  };
  const since = factors.totp_since;
  return (
    <section className="panel" aria-label={t('account.app')}>
      <h2>{t('account.app')}</h2>
      <p>{since ? t('account.app_since', { when: moment(since) }) : t('account.app_none')}</p>
      {enrolling ? (
        <Suspense fallback={<Loading />}>
          <Enrol done={enrolled} />
        </Suspense>
      ) : (
        <div className="actions">
          <Button onClick={() => setEnrolling(true)}>{t(since ? 'account.app_new' : 'enrol.begin')}</Button>
        </div>
      )}
    </section>
  );
}

function Codes({ left, changed }: { left: number; changed: () => void }) {
  const { t, number } = useText();
  const fresh = useStepUp();
  const [codes, setCodes] = useState<string[]>();
  const { attempt, busy, failed } = useAttempt();
  const renew = async () => {
    await attempt(async () => {
      const { data } = await fresh(() => call(recoveryRenew));
      setCodes(data.recovery_codes);
    });
    changed();
  };
  return (
    <section className="panel" aria-label={t('account.codes')}>
      <h2>{t('account.codes')}</h2>
      <p className="big">{number(left)}</p>
      {failed}
      {codes ? (
        <Suspense fallback={<Loading />}>
          <RecoveryCodes codes={codes} done={() => setCodes(undefined)} />
        </Suspense>
      ) : (
        <div className="actions">
          <Button busy={busy} onClick={() => void renew()}>
            {t('account.codes_new')}
          </Button>
        </div>
      )}
    </section>
  );
}
