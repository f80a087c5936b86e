// Where a support grant is, in a word.
import type { SupportGrantState } from '../../api/platform.gen.ts';
import { useText } from '../../text/text.tsx';

const TAGS: Record<SupportGrantState, string> = { asked: 'pending', approved: 'active', refused: 'bad', ended: '' };

export function StateTag({ state }: { state: SupportGrantState }) {
  const { t } = useText();
  return <span className={`tag ${TAGS[state]}`}>{t(`grant_state.${state}`)}</span>;
}
