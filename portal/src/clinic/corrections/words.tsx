// What a request to correct the record says, and what the clinic answered: the same words for patients and staff.
import type { CorrectionView } from '../../api/clinic.gen.ts';
import { useText } from '../../text/text.tsx';

/** The server's limit of each text (app/src/corrections/rules.rs). */
export const TEXT_MAX_CHARS = 2_000;
const TAGS: Record<CorrectionView['state'], string> = { open: 'pending', accepted: 'done', denied: 'bad' };

/** Where it is, and since when. */
export function CorrectionState({ one }: { one: CorrectionView }) {
  const { t, moment } = useText();
  return (
    <>
      <span className={`tag ${TAGS[one.state]}`}>{t(`correction_state.${one.state}`)}</span>{' '}
      <span className="quiet-text">{t('corrections.asked_at', { when: moment(one.asked_at) })}</span>
    </>
  );
}

export function CorrectionWords({ one }: { one: CorrectionView }) {
  const { t } = useText();
  const facts = [
    { label: t('corrections.what'), text: one.what },
    { label: t('corrections.wish'), text: one.wish },
    { label: t('corrections.reason'), text: one.reason },
  ];
  return (
    <dl>
      {facts.map(
        ({ label, text }) =>
          text && (
            <div className="fact" key={label}>
              <dt>{label}</dt>
              <dd>
                <bdi className="typed">{text}</bdi>
              </dd>
            </div>
          ),
      )}
    </dl>
  );
}
