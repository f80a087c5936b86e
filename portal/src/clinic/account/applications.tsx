// The applications that the own account let in: what each may do in one's name, and ending it.
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { sessionRevoke } from '../../api/clinic.gen.ts';
import { useText } from '../../text/text.tsx';
import { Button } from '../../ui/button.tsx';
import { Failure, Loading, Notice } from '../../ui/feedback.tsx';
import { applicationsOf, type LetIn } from './let-in.ts';
import { SESSIONS_KEY, useSessions } from './use-sessions.ts';

interface Props {
  /** An action that an application may do, in the words of whoever let it in. */
  ability: (action: string) => string;
}

export function Applications({ ability }: Props) {
  const { t } = useText();
  const queries = useQueryClient();
  const sessions = useSessions();
  const [ended, setEnded] = useState<string>();
  const end = useMutation({
    mutationFn: async (one: LetIn) => {
      setEnded(undefined);
      for (const { id } of one.sessions) await call(sessionRevoke, { path: { id } });
    },
    onSuccess: (_done, one) => setEnded(one.name),
    onSettled: () => queries.invalidateQueries({ queryKey: SESSIONS_KEY }),
  });
  const applications = applicationsOf(sessions.data ?? []);
  return (
    <section className="panel" aria-label={t('applications.title')}>
      <h2>{t('applications.title')}</h2>
      <p>{t('applications.text')}</p>
      {ended && <Notice kind="good" title={t('applications.ended', { name: ended })} />}
      {sessions.isPending && <Loading lines={2} />}
      {sessions.isError && <Failure error={sessions.error} retry={() => void sessions.refetch()} />}
      {end.isError && <Failure error={end.error} />}
      {sessions.isSuccess && applications.length === 0 && <p className="quiet-text">{t('applications.none')}</p>}
      {applications.length > 0 && (
        <ul className="rows">
          {applications.map((one) => (
            <Application key={one.id} {...{ one, ability }} busy={end.isPending} end={() => end.mutate(one)} />
          ))}
        </ul>
      )}
    </section>
  );
}

function Application({ one, ability, busy, end }: Props & { one: LetIn; busy: boolean; end: () => void }) {
  const { t, moment } = useText();
  const times = (of: (session: LetIn['sessions'][number]) => string) => one.sessions.map(of).sort();
  const since = times((session) => session.created_at)[0] ?? '';
  const seen = times((session) => session.last_seen_at).at(-1) ?? '';
  const words = [...new Set(one.scope.map(ability))];
  return (
    <li>
      <span>
        <bdi>{one.name}</bdi>
        <br />
        <span className="quiet-text">
          {t('sessions.since', { when: moment(since) })} · {t('sessions.seen', { when: moment(seen) })}
          <br />
          {t('applications.may', { what: words.join(' · ') || '–' })}
        </span>
      </span>
      <Button look="quiet" busy={busy} aria-label={`${t('sessions.end')}: ${one.name}`} onClick={end}>
        {t('sessions.end')}
      </Button>
    </li>
  );
}
