// Words that no other run has.

/** A name of letters that no other run has. */
export function unique(name: string): string {
  const letters = crypto.getRandomValues(new Uint8Array(10));
  return name + [...letters].map((byte) => String.fromCharCode(97 + (byte % 26))).join('');
}

/** A password of letters: one of too many digits is refused as one that people guess. */
export const password = () => unique(unique('Q'));
