// Who stands in for the patient and who did, and ending it.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { type ProxyView, proxyEnd, proxyList } from '../../api/clinic.gen.ts';
import { my } from '../../paths.ts';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Back } from '../../ui/back.tsx';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Empty, Failure, Loading, Notice } from '../../ui/feedback.tsx';
import { Page } from '../../ui/page.tsx';

export const TAGS: Record<ProxyView['state'], string> = { coming: 'pending', current: 'done', ended: '' };

export function Proxies({ id }: { id: string }) {
  const { t } = useText();
  const [ended, setEnded] = useState(false);
  const list = useQuery({
    queryKey: ['proxies', id],
    queryFn: async ({ signal }) => (await call(proxyList, { path: { id }, signal })).data,
  });
  const items = list.data?.items ?? [];
  return (
    <Page title={t('ways.proxies')} above={<Back to={my.record(id)} label={t('ways.record')} />}>
      <p className="lead">{t('proxies.text')}</p>
      {ended && <Notice kind="good" title={t('proxies.ended')} />}
      {list.isPending && <Loading lines={3} />}
      {list.isError && <Failure error={list.error} retry={() => void list.refetch()} />}
      {list.isSuccess && items.length === 0 && <Empty title={t('proxies.none')} />}
      {items.map((one) => (
        <Person key={one.id} patient={id} one={one} mayEnd={list.data?.of_age ?? false} ended={() => setEnded(true)} />
      ))}
      {list.data && !list.data.of_age && <p className="hint">{t('proxies.minor')}</p>}
    </Page>
  );
}

interface ProxyProps {
  patient: string;
  one: ProxyView;
  mayEnd: boolean;
  ended: () => void;
}

function Person({ patient, one, mayEnd, ended }: ProxyProps) {
  const { t, moment } = useText();
  return (
    <article className="panel" aria-label={one.name}>
      <h2>
        <bdi>{one.name}</bdi>
      </h2>
      <p>
        <span className={`tag ${TAGS[one.state]}`}>{t(`proxy_state.${one.state}`)}</span> {t(`proxy_kind.${one.kind}`)}
      </p>
      <p>{one.scope.map((scope) => t(`proxy_scope.${scope}`)).join(' · ')}</p>
      <p className="quiet-text">{t('access.from_until', { from: moment(one.from), until: moment(one.until) })}</p>
      {mayEnd && one.state !== 'ended' && <End {...{ patient, one, ended }} />}
    </article>
  );
}

function End({ patient, one, ended }: Omit<ProxyProps, 'mayEnd'>) {
  const { t } = useText();
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const { attempt, busy, failed } = useAttempt();
  const end = () =>
    attempt(async () => {
      await call(proxyEnd, { path: { id: patient, proxy: one.id } });
      setAsking(false);
      await queries.invalidateQueries({ queryKey: ['proxies', patient] });
      ended();
    });
  return (
    <div className="actions">
      <Button aria-label={`${t('proxies.end')}: ${one.name}`} onClick={() => setAsking(true)}>
        {t('proxies.end')}
      </Button>
      <Confirm
        open={asking}
        title={t('proxies.end_title', { name: one.name })}
        actions={
          <>
            <Button onClick={() => setAsking(false)}>{t('cancel')}</Button>
            <Button look="danger" busy={busy} onClick={() => void end()}>
              {t('proxies.end')}
            </Button>
          </>
        }
      >
        <p>{t('proxies.end_text')}</p>
        {failed}
      </Confirm>
    </div>
  );
}
