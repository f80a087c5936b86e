// Every application has words, in its own catalog, for whatever its files name: a key of another application's compiles too.
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { catalog as patient } from '../../src/patient/text/en.ts';
import { catalog as platform } from '../../src/platform/text/en.ts';
import { catalog as staff } from '../../src/staff/text/en.ts';

const SOURCES = new URL('../../src/', import.meta.url);
const CATALOGS: Record<string, Record<string, string>> = { patient, platform, staff };
const KNOWN = new Set(Object.values(CATALOGS).flatMap((catalog) => Object.keys(catalog)));

/** The files that a file brings along, itself among them; words and generated clients name no keys. */
function broughtBy(entry: URL, seen = new Map<string, string>()): Map<string, string> {
  if (seen.has(entry.href) || !existsSync(entry) || /\/text\/|\.gen\.ts$/.test(entry.pathname)) return seen;
  const text = readFileSync(entry, 'utf8');
  seen.set(entry.href, text);
  for (const [, path] of text.matchAll(/(?:from |import\()'(\.[^']+\.tsx?)'/g))
    broughtBy(new URL(path ?? '', entry), seen);
  return seen;
}

test.each(Object.keys(CATALOGS))('%s has words for every key that its files name', (name) => {
  const files = broughtBy(new URL(`${name}/main.tsx`, SOURCES));
  expect(files.size).toBeGreaterThan(10);
  const missing = [...files].flatMap(([file, text]) =>
    [...text.matchAll(/'([a-z_]+(?:\.[\w-]+)*)'/g)]
      .map(([, word]) => word ?? '')
      .filter((word) => word.includes('.') && KNOWN.has(word) && !(word in (CATALOGS[name] ?? {})))
      .map((word) => `${file.slice(SOURCES.href.length)}: ${word}`),
  );
  expect(missing).toEqual([]);
});
