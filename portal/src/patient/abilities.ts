// What an application may do, in the words of whoever lets it in and is told afterwards.
import { type Key, useText } from '../text/text.tsx';

/** What an action is in the words of whom it is about; several are one thing to them. */
const WORDS: Record<string, Key> = {
  'me.read': 'authorize.can_who',
  'session.end': 'authorize.can_who',
  'session_policy.read': 'authorize.can_who',
  'patient.list': 'authorize.can_record',
  'patient.read': 'authorize.can_record',
  'patient.contact': 'authorize.can_contact',
  'care_team.read': 'authorize.can_team',
  'document.list': 'authorize.can_documents',
  'document.read': 'authorize.can_documents',
  'document.download': 'authorize.can_documents',
  'document.link': 'authorize.can_documents',
  'document.redeem': 'authorize.can_documents',
  'audit.access_report': 'authorize.can_looks',
  'disclosure.list': 'authorize.can_looks',
  'correction.ask': 'authorize.can_corrections',
  'correction.list': 'authorize.can_corrections',
};

export function useAbility(): (action: string) => string {
  const { t } = useText();
  return (action) => {
    const known = WORDS[action];
    return known ? t(known) : t('authorize.can_other', { what: action });
  };
}
