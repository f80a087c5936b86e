// Requests one below the other, each with its day and, for who decides, the way to its answer.
import { useState } from 'react';
import { Link } from 'wouter';
import type { CorrectionView } from '../../api/clinic.gen.ts';
import { CorrectionState, CorrectionWords } from '../../clinic/corrections/words.tsx';
import { type Me, may } from '../../clinic/me.ts';
import { clinic } from '../../paths.ts';
import { useMe } from '../../shell/session.tsx';
import { useText } from '../../text/text.tsx';
import { Button } from '../../ui/button.tsx';
import { Sheet } from '../../ui/dialog.tsx';
import { Notice } from '../../ui/feedback.tsx';
import { AnswerForm } from './answer.tsx';

interface Props {
  items: CorrectionView[];
  /** Whether each names the way to its record: not below the record itself. */
  ways: 'to-records' | 'none';
  /** Asks for the list anew. */
  look: () => Promise<void>;
}

export function Requests({ items, ways, look }: Props) {
  const { t } = useText();
  const [answering, setAnswering] = useState<CorrectionView>();
  const [done, setDone] = useState(false);
  const answered = async () => {
    setAnswering(undefined);
    setDone(true);
    await look();
  };
  return (
    <>
      {done && <Notice kind="good" title={t('waiting.answered')} />}
      {items.map((one) => (
        <Request key={one.id} one={one} ways={ways} answer={() => setAnswering(one)} />
      ))}
      <Sheet open={answering !== undefined} close={() => setAnswering(undefined)} title={t('waiting.answer')}>
        {answering && <AnswerForm one={answering} done={answered} />}
      </Sheet>
    </>
  );
}

function Request({ one, ways, answer }: { one: CorrectionView; ways: Props['ways']; answer: () => void }) {
  const { t, date, moment } = useText();
  const me = useMe<Me>();
  const title = t('waiting.due', { day: date(one.due_on) });
  const open = one.state === 'open';
  const answers = open && may(me.role, 'correction.answer');
  return (
    <article className="panel" aria-label={open ? title : t(`correction_state.${one.state}`)}>
      {open && <h2>{title}</h2>}
      <p>
        {one.overdue && <span className="tag bad">{t('waiting.late')}</span>} <CorrectionState one={one} />
      </p>
      <CorrectionWords one={one} />
      {one.answered_at && (
        <p className="quiet-text">
          {t('waiting.answered_at', { when: moment(one.answered_at) })} <code>{one.answered_by}</code>
        </p>
      )}
      <div className="actions">
        {ways === 'to-records' && (
          <Link className="button" href={clinic.patient(one.patient)}>
            {t('waiting.record')}
          </Link>
        )}
        {answers && (
          <Button look="primary" onClick={answer}>
            {t('waiting.answer')}
          </Button>
        )}
      </div>
    </article>
  );
}
