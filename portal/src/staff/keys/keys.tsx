// The versions of the clinic's keys, how far its log is sealed and what came of the last check of it, for who answers for them. No key
// is shown anywhere.
import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { call } from '../../api/call.ts';
import { type AuditStateView, auditState, type KeysView, keysRead } from '../../api/clinic.gen.ts';
import { clinic } from '../../paths.ts';
import { type Key, useText } from '../../text/text.tsx';
import { Fact } from '../../ui/fact.tsx';
import { Failure, Loading, Notice } from '../../ui/feedback.tsx';
import { Page } from '../../ui/page.tsx';

const DAY_MS = 86_400_000;
const TAGS: Record<string, string> = { next: 'pending', decrypt: 'pending', active: 'done' };

export function Keys() {
  const { t } = useText();
  const found = useQuery({
    queryKey: ['keys'],
    queryFn: async ({ signal }) => {
      const [keys, log] = await Promise.all([call(keysRead, { signal }), call(auditState, { signal })]);
      return { keys: keys.data, log: log.data };
    },
  });
  return (
    <Page title={t('keys.title')}>
      <p>{t('keys.text')}</p>
      {found.isPending && <Loading lines={6} />}
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {found.data && <Versions keys={found.data.keys} />}
      {found.data && <Log log={found.data.log} />}
    </Page>
  );
}

function Versions({ keys }: { keys: KeysView }) {
  const { t, has, moment, number } = useText();
  const word = (key: string, else_: string) => (has(key) ? t(key as Key) : else_);
  const purpose = (code: string) => word(`key_purpose.${code}`, code);
  const days = (iso: string) => Math.max(0, Math.floor((Date.now() - Date.parse(iso)) / DAY_MS));
  return (
    <section className="stack" aria-label={t('keys.keys')}>
      <h2>{t('keys.keys')}</h2>
      {keys.rotating.length > 0 ? (
        <Notice kind="info" title={t('keys.rotating', { purposes: keys.rotating.map(purpose).join(', ') })} />
      ) : (
        <p className="quiet-text">{t('keys.quiet')}</p>
      )}
      <table className="table">
        <thead>
          <tr>
            <th scope="col">{t('keys.purpose')}</th>
            <th scope="col">{t('keys.version')}</th>
            <th scope="col">{t('keys.state')}</th>
            <th scope="col">{t('keys.made')}</th>
            <th scope="col">{t('keys.age')}</th>
          </tr>
        </thead>
        <tbody>
          {keys.items.map((one) => (
            <tr key={`${one.purpose} ${one.version}`}>
              <th scope="row">{purpose(one.purpose)}</th>
              <td data-label={t('keys.version')}>{number(one.version)}</td>
              <td data-label={t('keys.state')}>
                <span className={`tag ${TAGS[one.state] ?? ''}`}>{word(`key_state.${one.state}`, one.state)}</span>
              </td>
              <td data-label={t('keys.made')}>{moment(one.made_at)}</td>
              <td data-label={t('keys.age')}>{t('keys.days', { count: number(days(one.made_at)) })}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Check({ verified }: { verified: AuditStateView['verified'] }) {
  const { t, moment, number } = useText();
  if (!verified) return <p className="quiet-text">{t('keys.unchecked')}</p>;
  const { at, year, size, outcome, first_bad } = verified;
  const upTo = { when: moment(at), count: number(size), year };
  if (outcome !== 'verified') {
    const first = number(first_bad ?? size);
    return (
      <Notice kind="bad" title={t('keys.check_bad')}>
        <p>{t('keys.check_bad_text', { ...upTo, first })}</p>
        <p>
          {t('keys.check_bad_quote')}{' '}
          <code>
            {outcome} {year}/{first_bad ?? size}
          </code>
        </p>
        <p>{t('keys.check_bad_keep')}</p>
      </Notice>
    );
  }
  return (
    <>
      <Notice kind="good" title={t('keys.checked', upTo)} />
      {Date.now() - Date.parse(at) > DAY_MS && <Notice kind="warn" title={t('keys.check_old')} />}
    </>
  );
}

function Log({ log }: { log: AuditStateView }) {
  const { t, moment, number } = useText();
  const { checkpoint } = log;
  return (
    <section className="panel" aria-label={t('keys.log')}>
      <h2>{t('keys.log')}</h2>
      <p>{t('keys.log_text')}</p>
      {!checkpoint && <p className="quiet-text">{t('keys.log_none')}</p>}
      {(checkpoint || log.verified) && <Check verified={log.verified} />}
      <dl>
        {checkpoint && (
          <>
            <Fact label={t('keys.size', { year: checkpoint.year })}>{number(checkpoint.size)}</Fact>
            <Fact label={t('keys.root')}>
              <code>{checkpoint.root}</code>
            </Fact>
            <Fact label={t('keys.sealed_at')}>{moment(checkpoint.sealed_at)}</Fact>
          </>
        )}
        <Fact label={t('keys.waiting')}>{number(log.waiting)}</Fact>
        {log.waiting > 0 && <Fact label={t('keys.lag')}>{t('keys.seconds', { count: number(log.lag_s) })}</Fact>}
      </dl>
      <div className="actions">
        <Link className="button" href={clinic.audit}>
          {t('keys.receipts')}
        </Link>
      </div>
    </section>
  );
}
