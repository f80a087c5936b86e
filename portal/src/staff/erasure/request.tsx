// One request to erase a record: where it is, the decision of a second person, and its certificate.
import { useState } from 'react';
import { call } from '../../api/call.ts';
import { type ErasureView, erasureApprove, erasureCancel } from '../../api/clinic.gen.ts';
import { useStepUp } from '../../clinic/account/step-up.tsx';
import { type Me, may } from '../../clinic/me.ts';
import { useMe } from '../../shell/session.tsx';
import { type Key, useText } from '../../text/text.tsx';
import { useAttempt } from '../../ui/attempt.tsx';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { save } from '../../ui/save.ts';

const TAGS: Record<string, string> = {
  requested: 'pending',
  approved: 'pending',
  shredding: 'pending',
  shredded: 'done',
  refused: 'bad',
};

interface Props {
  patient: string;
  one: ErasureView;
  /** A legal hold stands, so nobody can agree. */
  held: boolean;
  decided: (words: Key) => Promise<void>;
}

export function Request({ patient, one, held, decided }: Props) {
  const { t, has, moment } = useText();
  const me = useMe<Me>();
  const word = (key: string, else_: string) => (has(key) ? t(key as Key) : else_);
  const own = one.requested_by === me.account;
  return (
    <article className="panel">
      <h2>{word(`erasure_basis.${one.basis}`, one.basis)}</h2>
      <p>
        <span className={`tag ${TAGS[one.state] ?? ''}`}>{word(`erasure_state.${one.state}`, one.state)}</span>
        {one.state === 'requested' && held && <span className="tag bad">{t('erasure.held')}</span>}
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
      {one.alternatives.length > 0 && (
        <div>
          <p>{t('erasure.instead')}</p>
          <ul>
            {one.alternatives.map((each) => (
              <li key={each}>{word(`erasure_instead.${each}`, each)}</li>
            ))}
          </ul>
        </div>
      )}
      {one.state === 'requested' && !may(me.role, 'erasure.approve') && <p>{t('erasure.waits')}</p>}
      {one.state === 'requested' && may(me.role, 'erasure.approve') && (
        <Decide {...{ patient, decided }} obstacle={own ? 'erasure.own' : held ? 'erasure.held_text' : undefined} />
      )}
      {one.shredded_at && <Destroyed one={one} />}
    </article>
  );
}

/** What is left of a record: when its key was destroyed, and the certificate that says so to whoever asks. */
function Destroyed({ one }: { one: ErasureView }) {
  const { t, moment, number } = useText();
  const { certificate } = one;
  return (
    <>
      <p>{t('erasure.destroyed', { when: moment(one.shredded_at ?? '') })}</p>
      {typeof one.ledger_seq === 'number' && (
        <p className="quiet-text">{t('erasure.ledger', { number: number(one.ledger_seq) })}</p>
      )}
      {certificate && (
        <>
          <p className="quiet-text">{t('erasure.certificate_text')}</p>
          <div className="actions">
            <Button onClick={() => save(JSON.stringify(certificate), `erasure-${one.id}.json`, 'application/json')}>
              {t('erasure.certificate')}
            </Button>
          </div>
        </>
      )}
    </>
  );
}

interface DecideProps extends Pick<Props, 'patient' | 'decided'> {
  /** Why the reader cannot agree now. */
  obstacle: Key | undefined;
}

function Decide({ patient, obstacle, decided }: DecideProps) {
  const { t } = useText();
  const fresh = useStepUp();
  const [asking, setAsking] = useState(false);
  const { attempt, busy, failed } = useAttempt();
  const decide = async (operation: typeof erasureApprove, words: Key) => {
    // A fresh second step is asked for in a dialog of its own, with nothing else above or below it.
    setAsking(false);
    await attempt(async () => {
      await fresh(() => call(operation, { path: { id: patient } }));
      await decided(words);
    });
  };
  return (
    <>
      {obstacle && <p>{t(obstacle)}</p>}
      {failed}
      <div className="actions">
        <Button busy={busy} onClick={() => void decide(erasureCancel, 'erasure.cancelled')}>
          {t('erasure.cancel')}
        </Button>
        {!obstacle && (
          <Button look="danger" busy={busy} onClick={() => setAsking(true)}>
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
            <Button look="danger" onClick={() => void decide(erasureApprove, 'erasure.approved')}>
              {t('erasure.approve')}
            </Button>
          </>
        }
      >
        <p>{t('erasure.approve_text')}</p>
      </Confirm>
    </>
  );
}
