// The public keys that somebody pastes: one JSON Web Key or a set of them (RFC 7517), and never a private part.
import type { JwkInput } from '../../api/clinic.gen.ts';

/** A fault's code, as the server names it. */
type Fault = 'no_json_web_key' | 'private_key';

/** What is sent of a key; other members, such as those that browsers add, mean nothing here. */
const MEMBERS = ['kty', 'crv', 'x', 'y', 'kid', 'use', 'alg'] as const satisfies readonly (keyof JwkInput)[];
/** What only private or symmetric keys have (RFC 7518, 6.2.2, 6.3.2 and 6.4.1). */
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

function parsed(typed: string): unknown {
  try {
    return JSON.parse(typed);
  } catch {
    return undefined;
  }
}

/** The keys in the text. A text with a private part is refused here, so that it does not even leave the page. */
export function readKeys(typed: string): { keys: JwkInput[] } | { fault: Fault } {
  const value = parsed(typed);
  if (!isObject(value)) return { fault: 'no_json_web_key' };
  const keys: unknown = 'keys' in value ? value.keys : [value];
  if (!Array.isArray(keys) || keys.length === 0 || !keys.every(isObject)) return { fault: 'no_json_web_key' };
  if (keys.some((key) => PRIVATE.some((member) => member in key))) return { fault: 'private_key' };
  const whole = keys.every(({ kty, crv, x }) => [kty, crv, x].every((member) => typeof member === 'string'));
  if (!whole) return { fault: 'no_json_web_key' };
  const kept = keys.map((key) =>
    Object.fromEntries(MEMBERS.flatMap((name) => (name in key ? [[name, key[name]]] : []))),
  );
  return { keys: kept as JwkInput[] };
}
