// Whether a record is to be erased: what was asked for, and the decision of a second person.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { type ErasureView, erasureApprove, erasureCancel, erasureRead } from '../../api/clinic.gen.ts';
import { useStepUp } from '../../clinic/account/step-up.tsx';
import { type Me, may } from '../../clinic/me.ts';
import { clinic } from '../../paths.ts';
import { useMe } from '../../shell/session.tsx';
import { type Key, useText } from '../../text/text.tsx';
import { Back } from '../../ui/back.tsx';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Empty, Failure, Loading, Notice } from '../../ui/feedback.tsx';
import { Page } from '../../ui/page.tsx';

const TAGS: Record<string, string> = {
  requested: 'pending',
  approved: 'pending',
  shredding: 'pending',
  refused: 'bad',
};

type Said = 'erasure.approved' | 'erasure.cancelled';

export function Erasure({ patient }: { patient: string }) {
  const { t } = useText();
  const queries = useQueryClient();
  const [said, setSaid] = useState<Said>();
  const found = useQuery({
    queryKey: ['erasures', patient],
    queryFn: async ({ signal }) => (await call(erasureRead, { path: { id: patient }, signal })).data.items,
  });
  const decided = async (words: Said) => {
    setSaid(words);
    await queries.invalidateQueries({ queryKey: ['erasures', patient] });
  };
  return (
    <Page title={t('erasure.title')} above={<Back to={clinic.patient(patient)} label={t('record.title')} />}>
      {said && <Notice kind="good" title={t(said)} />}
      {found.isPending && <Loading lines={3} />}
      {found.isError && <Failure error={found.error} retry={() => void found.refetch()} />}
      {found.data?.length === 0 && <Empty title={t('erasure.none')} />}
      {found.data?.map((one) => (
        <Request key={one.id} patient={patient} one={one} decided={decided} />
      ))}
    </Page>
  );
}

interface RequestProps {
  patient: string;
  one: ErasureView;
  decided: (words: Said) => Promise<void>;
}

function Request({ patient, one, decided }: RequestProps) {
  const { t, has, moment } = useText();
  const me = useMe<Me>();
  const word = (key: string, else_: string) => (has(key) ? t(key as Key) : else_);
  return (
    <article className="panel">
      <h2>{word(`erasure_basis.${one.basis}`, one.basis)}</h2>
      <p>
        <span className={`tag ${TAGS[one.state] ?? ''}`}>{word(`erasure_state.${one.state}`, one.state)}</span>
      </p>
      <p className="quiet-text">
        {t('erasure.asked', { when: moment(one.requested_at) })} <code>{one.requested_by}</code>
      </p>
      {one.decided_at && (
        <p className="quiet-text">
          {t('erasure.decided', { when: moment(one.decided_at) })} <code>{one.decided_by}</code>
        </p>
      )}
      {one.refusal && <p>{word(`erasure_refusal.${one.refusal}`, one.refusal)}</p>}
      {one.state === 'requested' && may(me.role, 'erasure.approve') && (
        <Decide patient={patient} own={one.requested_by === me.account} decided={decided} />
      )}
    </article>
  );
}

function Decide({ patient, own, decided }: { patient: string; own: boolean; decided: RequestProps['decided'] }) {
  const { t } = useText();
  const fresh = useStepUp();
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>();
  const decide = async (operation: typeof erasureApprove, words: Said) => {
    setBusy(true);
    setFailure(undefined);
    try {
      await fresh(() => call(operation, { path: { id: patient } }));
      setAsking(false);
      await decided(words);
    } catch (error) {
      setFailure(error);
    }
    setBusy(false);
  };
  return (
    <>
      {own && <p>{t('erasure.own')}</p>}
      {failure !== undefined && !asking && <Failure error={failure} />}
      <div className="actions">
        <Button busy={busy} onClick={() => void decide(erasureCancel, 'erasure.cancelled')}>
          {t('erasure.cancel')}
        </Button>
        {!own && (
          <Button look="danger" onClick={() => setAsking(true)}>
            {t('erasure.approve')}
          </Button>
        )}
      </div>
      <Confirm
        open={asking}
        title={t('erasure.approve_title')}
        actions={
          <>
            <Button onClick={() => setAsking(false)}>{t('close')}</Button>
            <Button look="danger" busy={busy} onClick={() => void decide(erasureApprove, 'erasure.approved')}>
              {t('erasure.approve')}
            </Button>
          </>
        }
      >
        <p>{t('erasure.approve_text')}</p>
        {failure !== undefined && <Failure error={failure} />}
      </Confirm>
    </>
  );
}
