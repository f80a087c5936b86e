// Who stands in for a patient: everybody who does or did, with what was shown for it, and ending it.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { type ProxyView, proxyEnd, proxyList } from '../../api/clinic.gen.ts';
import { type Me, may } from '../../clinic/me.ts';
import { clinic } from '../../paths.ts';
import { useMe } from '../../shell/session.tsx';
import { useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Back } from '../../ui/back.tsx';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Empty, Failure, Loading, Notice } from '../../ui/feedback.tsx';
import { Page } from '../../ui/page.tsx';
import { AddProxy } from './add-proxy.tsx';

const TAGS: Record<ProxyView['state'], string> = { coming: 'pending', current: 'done', ended: '' };

type Said = 'proxies.recorded' | 'proxies.ended';

export function Proxies({ patient }: { patient: string }) {
  const { t } = useText();
  const me = useMe<Me>();
  const queries = useQueryClient();
  const [said, setSaid] = useState<Said>();
  const list = useQuery({
    queryKey: ['proxies', patient],
    queryFn: async ({ signal }) => (await call(proxyList, { path: { id: patient }, signal })).data,
  });
  const look = async (words: Said) => {
    await queries.invalidateQueries({ queryKey: ['proxies', patient] });
    setSaid(words);
  };
  return (
    <Page title={t('proxies.title')} above={<Back to={clinic.patient(patient)} label={t('record.title')} />}>
      {said && <Notice kind="good" title={t(said)} />}
      {list.isPending && <Loading lines={4} />}
      {list.isError && <Failure error={list.error} retry={() => void list.refetch()} />}
      {list.data?.items.length === 0 && <Empty title={t('proxies.none')} />}
      {list.data && list.data.items.length > 0 && (
        <ul className="rows panel">
          {list.data.items.map((one) => (
            <Person key={one.id} {...{ patient, one }} ended={() => look('proxies.ended')} />
          ))}
        </ul>
      )}
      {list.data && may(me.role, 'proxy.record') && (
        <AddProxy patient={patient} list={list.data} recorded={() => look('proxies.recorded')} />
      )}
    </Page>
  );
}

interface ProxyProps {
  patient: string;
  one: ProxyView;
  ended: () => Promise<void>;
}

function Person({ patient, one, ended }: ProxyProps) {
  const { t, moment } = useText();
  const me = useMe<Me>();
  return (
    <li>
      <div>
        <p>
          <strong>
            <bdi>{one.name}</bdi>
          </strong>{' '}
          <span className={`tag ${TAGS[one.state]}`}>{t(`proxy_state.${one.state}`)}</span>
        </p>
        <p>
          {t(`proxy_kind.${one.kind}`)} · <bdi>{one.email}</bdi>
        </p>
        <p>{one.scope.map((scope) => t(`proxy_scope.${scope}`)).join(' · ')}</p>
        {one.proof && (
          <p className="quiet-text">
            {t(`proxy_proof.${one.proof.kind}`)}: <bdi>{one.proof.reference}</bdi>
          </p>
        )}
        <p className="quiet-text">{t('proxies.dates', { from: moment(one.from), until: moment(one.until) })}</p>
      </div>
      {one.state !== 'ended' && may(me.role, 'proxy.end') && <End {...{ patient, one, ended }} />}
    </li>
  );
}

function End({ patient, one, ended }: ProxyProps) {
  const { t } = useText();
  const [asking, setAsking] = useState(false);
  const { attempt, busy, failed } = useAttempt();
  const end = () =>
    attempt(async () => {
      await call(proxyEnd, { path: { id: patient, proxy: one.id } });
      setAsking(false);
      await ended();
    });
  return (
    <>
      <Button look="quiet" aria-label={`${t('proxies.end')}: ${one.name}`} onClick={() => setAsking(true)}>
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
    </>
  );
}
