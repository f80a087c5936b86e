// The own passkeys: adding one, and removing one that is not the only factor.
import { lazy, Suspense, useState } from 'react';
import { call, keepCsrfToken } from '../../api/call.ts';
import { type PasskeyView, passkeyAdd, passkeyBegin, passkeyRemove } from '../../api/clinic.gen.ts';
import { createPasskey, passkeysWork } from '../../shell/passkey.ts';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Loading } from '../../ui/feedback.tsx';
import { useStepUp } from './step-up.tsx';

const RecoveryCodes = lazy(() => import('./enrol.tsx').then((module) => ({ default: module.RecoveryCodes })));

export function Passkeys({ passkeys, changed }: { passkeys: PasskeyView[]; changed: () => void }) {
  const { t, moment } = useText();
  const fresh = useStepUp();
  const { attempt, busy, failed } = useAttempt();
  const [codes, setCodes] = useState<string[]>([]);
  const doing = async (work: () => Promise<void>) => {
    await attempt(work);
    changed();
  };
  const add = () =>
    doing(async () => {
      const { data: options } = await fresh(() => call(passkeyBegin));
      const { data } = await call(passkeyAdd, { body: await createPasskey(options) });
      keepCsrfToken(data.session.csrf_token);
      setCodes(data.recovery_codes);
    });
  const remove = (id: string) =>
    doing(async () => {
      await fresh(() => call(passkeyRemove, { path: { id } }));
    });
  return (
    <section className="panel" aria-label={t('passkeys.title')}>
      <h2>{t('passkeys.title')}</h2>
      <p>{t('passkeys.text')}</p>
      {failed}
      {codes.length > 0 && (
        <Suspense fallback={<Loading />}>
          <RecoveryCodes codes={codes} done={() => setCodes([])} />
        </Suspense>
      )}
      {passkeys.length === 0 ? (
        <p className="quiet-text">{t('passkeys.none')}</p>
      ) : (
        <ul className="rows">
          {passkeys.map((one) => (
            <li key={one.id}>
              <span>
                {t('passkeys.added', { when: moment(one.created_at) })}
                <br />
                <span className="quiet-text">
                  {one.last_used_at ? t('passkeys.used', { when: moment(one.last_used_at) }) : t('passkeys.unused')}
                </span>
              </span>
              <Button
                look="quiet"
                busy={busy}
                aria-label={`${t('remove')}: ${t('passkeys.added', { when: moment(one.created_at) })}`}
                onClick={() => void remove(one.id)}
              >
                {t('remove')}
              </Button>
            </li>
          ))}
        </ul>
      )}
      <div className="actions">
        {passkeysWork() ? (
          <Button busy={busy} onClick={() => void add()}>
            {t('passkeys.add')}
          </Button>
        ) : (
          <p className="quiet-text">{t('passkeys.not_here')}</p>
        )}
      </div>
    </section>
  );
}
