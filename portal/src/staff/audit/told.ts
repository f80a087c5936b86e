// An event of the log as a sentence in the reader's language, put together from the words that the log has for it.
import type { AccessBy, AccessOutcome, AccessPurpose, EventView } from '../../api/clinic.gen.ts';
import { sentence, type Words } from '../../clinic/access/look.ts';

const BY: Record<string, AccessBy> = {
  staff: 'staff',
  patient: 'patient',
  proxy: 'proxy',
  client: 'client',
  platform: 'platform',
  system: 'system',
};
const PURPOSE: Record<string, AccessPurpose> = {
  TREATMENT: 'treatment',
  PAYMENT: 'payment',
  OPERATIONS: 'operations',
  BREAKGLASS: 'emergency',
};
const OUTCOME: Record<string, AccessOutcome> = { allow: 'done', deny: 'refused' };

/** The sentence, with nobody's name in it: the log has ids. */
export function told(event: Pick<EventView, 'action' | 'actor_kind' | 'purpose' | 'outcome'>, words: Words): string {
  const by = BY[event.actor_kind] ?? 'anonymous';
  // Patients, and those who stand in for them, owe nobody a reason.
  const purpose = by === 'patient' || by === 'proxy' ? null : (PURPOSE[event.purpose] ?? 'upkeep');
  const outcome = OUTCOME[event.outcome] ?? 'failed';
  return sentence({ by, did: event.action.replaceAll('.', '_'), purpose, outcome }, words);
}
