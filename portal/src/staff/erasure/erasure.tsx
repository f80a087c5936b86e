// Whether a record is to be erased and what stands in its way: what was asked for, asking, the legal holds.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { type ErasureView, erasureRead, type HoldView, legalHoldList } from '../../api/clinic.gen.ts';
import { type Me, may } from '../../clinic/me.ts';
import { clinic } from '../../paths.ts';
import { useMe } from '../../shell/session.tsx';
import { type Key, useText } from '../../text/text.tsx';
import { Back } from '../../ui/back.tsx';
import { Empty, Failure, Loading, Notice } from '../../ui/feedback.tsx';
import { Page } from '../../ui/page.tsx';
import { AskErasure } from './ask.tsx';
import { Holds } from './holds.tsx';
import { Request } from './request.tsx';

/** While a record is being erased it is asked for again so often, and so often at most. */
const LOOK_MS = 2_000;
const LOOKS_MAX = 150;

interface Found {
  erasures: ErasureView[];
  /** Who may not know of holds is told of none; the server refuses all the same what one forbids. */
  holds: HoldView[];
}

async function ask(patient: string, role: string, signal: AbortSignal): Promise<Found> {
  const path = { id: patient };
  const [erasures, holds] = await Promise.all([
    call(erasureRead, { path, signal, repeats: true }),
    may(role, 'legal_hold.list') ? call(legalHoldList, { path, signal, repeats: true }) : undefined,
  ]);
  return { erasures: erasures.data.items, holds: holds?.data.items ?? [] };
}

const isUnderWay = ({ state }: ErasureView) => state === 'approved' || state === 'shredding';

export default function Erasure({ patient }: { patient: string }) {
  const { t } = useText();
  const me = useMe<Me>();
  const queries = useQueryClient();
  const [said, setSaid] = useState<Key>();
  const key = ['erasures', patient];
  const found = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => ask(patient, me.role, signal),
    refetchInterval: ({ state }) =>
      state.data?.erasures.some(isUnderWay) && state.dataUpdateCount < LOOKS_MAX ? LOOK_MS : false,
  });
  const done = async (words: Key) => {
    setSaid(undefined);
    // What is said below it is of the same moment.
    await queries.invalidateQueries({ queryKey: key });
    setSaid(words);
  };
  const holding = may(me.role, 'legal_hold.list');
  return (
    <Page
      title={t(holding ? 'erasure.title_holds' : 'erasure.title')}
      above={<Back to={clinic.patient(patient)} label={t('record.title')} />}
    >
      {said && <Notice kind="good" title={t(said)} />}
      {found.isPending && <Loading lines={3} />}
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {found.data && <Everything {...{ patient, done }} {...found.data} />}
    </Page>
  );
}

function Everything({
  patient,
  erasures,
  holds,
  done,
}: Found & { patient: string; done: (words: Key) => Promise<void> }) {
  const { t } = useText();
  const me = useMe<Me>();
  const standing = holds.find((one) => !one.released_at);
  const erased = erasures.some(({ state }) => state === 'shredded');
  const open = erasures.some((one) => one.state === 'requested' || isUnderWay(one));
  return (
    <>
      {standing && (
        <Notice kind="warn" title={t('holds.stands')}>
          <p>{t('holds.stands_text')}</p>
        </Notice>
      )}
      {erasures.length === 0 && <Empty title={t('erasure.none')} />}
      {erasures.map((one) => (
        <Request key={one.id} {...{ patient, one, held: standing !== undefined, decided: done }} />
      ))}
      {!erased && !open && may(me.role, 'erasure.request') && (
        <AskErasure patient={patient} asked={() => done('erasure.asked_for')} />
      )}
      {may(me.role, 'legal_hold.list') && <Holds {...{ patient, holds, standing, erased, changed: done }} />}
    </>
  );
}
