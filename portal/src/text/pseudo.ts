// The pseudo-locale: every word of the catalog with accents, longer by a third, in brackets.
import type { Catalog, Key } from './text.tsx';

const FROM = 'aceinorsuyACEINORSUY';
const TO = 'åçéîñöŕšûýÅÇÉÎÑÖŔŠÛÝ';

export function accent(sentence: string): string {
  const parts = sentence.split(/(\{\w+\})/);
  const accented = parts.map((part) =>
    part.startsWith('{') ? part : [...part].map((letter) => TO[FROM.indexOf(letter)] ?? letter).join(''),
  );
  return `⟦${accented.join('')}${'~'.repeat(Math.ceil(sentence.length / 3))}⟧`;
}

export function pseudo(catalog: Catalog): Catalog {
  return Object.fromEntries(Object.entries(catalog).map(([key, value]) => [key as Key, accent(value)]));
}
