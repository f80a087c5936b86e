// Words that no catalog has: what is left of a text of the pseudo-locale without its brackets, dates and data.

const MONTH = '(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)';
/** A date, and a time of it, as English writes them in the two regions. */
const MOMENT = new RegExp(
  `(?:${MONTH} \\d{1,2}, \\d{4}|\\d{1,2} ${MONTH} \\d{4})(?:, \\d{1,2}:\\d{2}\\s[AaPp][Mm](?!\\p{L}))?`,
  'gu',
);
/** A sentence of the catalog, without another one in it: one may hold a name that was translated too. */
const SENTENCE = /⟦[^⟦⟧]*⟧/gu;
const WORD = /\p{L}{2,}/u;
/** A code for which the catalog has a word: that the server said it does not make it one. */
const CODE = /^[a-z_.]+$/;

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** What the server said that a screen may show as it is: names, addresses, numbers with letters; no codes. */
export const isData = (text: string): boolean => WORD.test(text) && !CODE.test(text);

/** What shows the data among texts, the longest first: some hold others. */
export function dataPattern(data: Iterable<string>): RegExp | undefined {
  const longestFirst = [...data].sort((one, other) => other.length - one.length);
  if (longestFirst.length === 0) return undefined;
  return new RegExp(`(?<!\\p{L})(?:${longestFirst.map(escaped).join('|')})(?!\\p{L})`, 'gu');
}

/** Whether a text has a word that is neither of the catalog, nor of a date, nor data. */
export function isBare(text: string, data: RegExp | undefined): boolean {
  let left = text;
  for (let before = ''; before !== left; ) {
    before = left;
    left = left.replace(SENTENCE, ' ');
  }
  left = left.replace(MOMENT, ' ');
  if (!WORD.test(left)) return false;
  return WORD.test(data ? left.replace(data, ' ') : left);
}
