// The security of the own account: what proves whose it is, where it is signed in, its password.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useState } from 'react';
import { call, keepCsrfToken } from '../../api/call.ts';
import { factorList, recoveryRenew } from '../../api/clinic.gen.ts';
import { CLINIC, REGION } from '../../place.ts';
import { Door } from '../../shell/frame.tsx';
import { useMe, useSession } from '../../shell/session.tsx';
import { type Key, useText } from '../../text/text.tsx';
import { Button } from '../../ui/button.tsx';
import { Failure, Loading } from '../../ui/feedback.tsx';
import { Page } from '../../ui/page.tsx';
import { useTitle } from '../../ui/title.ts';
import type { Me } from '../me.ts';
import { Passkeys } from './passkeys.tsx';
import { Password } from './password.tsx';
import { Sessions } from './sessions.tsx';
import { useStepUp } from './step-up.tsx';

// Needed once in a while, so it is loaded then.
const Enrol = lazy(() => import('./enrol.tsx'));
const RecoveryCodes = lazy(() => import('./enrol.tsx').then((module) => ({ default: module.RecoveryCodes })));

/** Before the first look at a patient: nobody works with a password alone. */
export function EnrolFirst() {
  const { t } = useText();
  const { begin, signOut } = useSession<Me>();
  useTitle(t('enrol.title'));
  return (
    <Door place={`${CLINIC} · ${t(`region.${REGION}` as Key)}`} title={t('enrol.title')}>
      <Suspense fallback={<Loading />}>
        <Enrol done={(csrfToken) => void begin(csrfToken)} />
      </Suspense>
      <Button look="quiet" onClick={() => void signOut()}>
        {t('factor.leave')}
      </Button>
    </Door>
  );
}

export function Account() {
  const { t, moment, number } = useText();
  const me = useMe<Me>();
  const fresh = useStepUp();
  const queries = useQueryClient();
  const [enrolling, setEnrolling] = useState(false);
  const [codes, setCodes] = useState<string[]>();
  const [failure, setFailure] = useState<unknown>();
  const factors = useQuery({
    queryKey: ['factors'],
    queryFn: async ({ signal }) => (await call(factorList, { signal })).data,
  });
  const look = () => void queries.invalidateQueries({ queryKey: ['factors'] });
  const renew = async () => {
    setFailure(undefined);
    try {
      const { data } = await fresh(() => call(recoveryRenew));
      setCodes(data.recovery_codes);
    } catch (error) {
      setFailure(error);
    }
    look();
  };
  const enrolled = (csrfToken: string) => {
    keepCsrfToken(csrfToken);
    setEnrolling(false);
    look();
  };
  return (
    <Page title={t('account.title')}>
      {factors.isPending && <Loading />}
      {factors.isError && <Failure error={factors.error} retry={() => void factors.refetch()} />}
      {failure !== undefined && <Failure error={failure} />}
      {factors.data && (
        <div className="columns">
          <section className="panel">
            <h2>{t('account.number')}</h2>
            <p>
              <code>{me.account}</code>
            </p>
            <p className="quiet-text">{t('account.number_hint')}</p>
          </section>
          <section className="panel">
            <h2>{t('account.app')}</h2>
            <p>
              {factors.data.totp_since
                ? t('account.app_since', { when: moment(factors.data.totp_since) })
                : t('account.app_none')}
            </p>
            {enrolling ? (
              <Suspense fallback={<Loading />}>
                <Enrol done={enrolled} />
              </Suspense>
            ) : (
              <div className="actions">
                <Button onClick={() => setEnrolling(true)}>{t('account.app_new')}</Button>
              </div>
            )}
          </section>
          <section className="panel">
            <h2>{t('account.codes')}</h2>
            <p className="big">{number(factors.data.recovery_codes_left)}</p>
            {codes ? (
              <Suspense fallback={<Loading />}>
                <RecoveryCodes codes={codes} done={() => setCodes(undefined)} />
              </Suspense>
            ) : (
              <div className="actions">
                <Button onClick={() => void renew()}>{t('account.codes_new')}</Button>
              </div>
            )}
          </section>
          <Passkeys passkeys={factors.data.passkeys} changed={look} />
          <Sessions />
          <Password changed={() => void queries.invalidateQueries({ queryKey: ['sessions'] })} />
        </div>
      )}
    </Page>
  );
}
