// What the words of the server about regions and shards mean to a page, and how a version stands to the served one.
import type { HeldView } from '../../api/platform.gen.ts';

/** Each state with how good it is. */
export const TONES = { healthy: 'good', late: 'warn', silent: 'bad', down: 'bad', unknown: 'quiet' } as const;

export type Health = keyof typeof TONES;

/** The better before the worse. */
export const HEALTHS: Health[] = ['healthy', 'unknown', 'late', 'silent', 'down'];

/** The server's word; one that this page does not know says nothing to it. */
export const healthOf = (word: string): Health => (Object.hasOwn(TONES, word) ? (word as Health) : 'unknown');

export type Standing = 'no_version' | 'last_known' | 'ahead' | 'behind' | 'current';

/** How what a role of a region has stands to what the control plane serves. */
export function standingOf({ version, health }: HeldView, served: number): Standing {
  if (version === null || version === undefined) return 'no_version';
  // Of who is not heard any more it is known what they had, and not what they have.
  if (health === 'silent') return 'last_known';
  if (version > served) return 'ahead';
  return version < served ? 'behind' : 'current';
}
