// One use of a record as a sentence in the reader's language, put together from what the server says of it.
import type { AccessLine } from '../../api/clinic.gen.ts';
import type { Key, Text } from '../../text/text.tsx';

export type Words = Pick<Text, 't' | 'has'>;
/** What a sentence is put together from. */
export type Use = Omit<AccessLine, 'at' | 'sentence'>;

/** The sentence. What the server did after this page was made is told in words of no detail. */
export function sentence(line: Use, { t, has }: Words): string {
  const did = `did.${line.did}`;
  return t(`look.${line.outcome}`, {
    who: who(line, t),
    did: t(has(did) ? (did as Key) : 'did.other'),
    why: line.purpose ? t(`look_why.${line.purpose}`) : '',
  });
}

function who({ by, name, role }: Use, t: Words['t']): string {
  return name && role ? t('look.named', { name, role: t(`look_role.${role}`) }) : t(`look_by.${by}`);
}
