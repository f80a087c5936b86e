// Where the own account is signed in by a browser, and ending what is not recognised; applications have a list of their own.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { call } from '../../api/call.ts';
import { sessionRevoke } from '../../api/clinic.gen.ts';
import { useText } from '../../text/text.tsx';
import { Button } from '../../ui/button.tsx';
import { Failure, Loading } from '../../ui/feedback.tsx';
import { SESSIONS_KEY, useSessions } from './use-sessions.ts';

export function Sessions() {
  const { t, has, moment } = useText();
  const queries = useQueryClient();
  const sessions = useSessions();
  const end = useMutation({
    mutationFn: (id: string) => call(sessionRevoke, { path: { id } }),
    onSettled: () => queries.invalidateQueries({ queryKey: SESSIONS_KEY }),
  });
  const browsers = sessions.data?.filter(({ application }) => !application) ?? [];
  const factorWords = (factor: string | null | undefined) => {
    const key = `session_factor.${factor ?? 'none'}`;
    return t(has(key) ? key : 'session_factor.none');
  };
  // The server may know a browser that this page has no word for yet.
  const kind = (of: 'browser' | 'system', code: string) => {
    const key = `session_${of}.${code}`;
    return t(has(key) ? key : `session_${of}.other`);
  };
  return (
    <section className="panel" aria-label={t('sessions.title')}>
      <h2>{t('sessions.title')}</h2>
      <p>{t('sessions.text')}</p>
      {sessions.isPending && <Loading lines={2} />}
      {sessions.isError && <Failure error={sessions.error} retry={() => void sessions.refetch()} />}
      {end.isError && <Failure error={end.error} />}
      <ul className="rows">
        {browsers.map((one) => (
          <li key={one.id}>
            <span>
              {t('sessions.since', { when: moment(one.created_at) })}{' '}
              {one.current && <span className="tag active">{t('sessions.this')}</span>}
              <br />
              <span className="quiet-text">
                {one.browser && one.system && (
                  <>
                    {t('sessions.device', {
                      browser: kind('browser', one.browser),
                      system: kind('system', one.system),
                    })}{' '}
                    ·{' '}
                  </>
                )}
                {t('sessions.seen', { when: moment(one.last_seen_at) })} · {factorWords(one.factor)}
              </span>
            </span>
            {!one.current && (
              <Button
                look="quiet"
                busy={end.isPending}
                aria-label={`${t('sessions.end')}: ${t('sessions.since', { when: moment(one.created_at) })}`}
                onClick={() => end.mutate(one.id)}
              >
                {t('sessions.end')}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
