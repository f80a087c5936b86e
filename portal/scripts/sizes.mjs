// Fails when an application's first load is larger than its limit; prints what each part weighs.
import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

/** Compressed JavaScript of the first load, in bytes: the entry, what it imports at once, and one language. */
const LIMITS = { clinic: 200_000, platform: 200_000, patient: 200_000 };

const dist = new URL('../dist/', import.meta.url);
const gzipped = (name) => gzipSync(readFileSync(new URL(`assets/${name}`, dist)), { level: 9 }).length;
/** A language and the words in it that it shares with other applications. */
const withItsParts = (name) => {
  const text = readFileSync(new URL(`assets/${name}`, dist), 'utf8');
  const parts = [...text.matchAll(/from"\.\/([\w.-]+\.js)"/g)].map((match) => match[1]);
  return [name, ...parts].map(gzipped).reduce((sum, bytes) => sum + bytes, 0);
};
let failed = false;
for (const page of readdirSync(dist).filter((name) => name.endsWith('.html'))) {
  const name = page.replace('.html', '');
  const html = readFileSync(new URL(page, dist), 'utf8');
  const scripts = [...html.matchAll(/\/assets\/([\w.-]+\.js)"/g)].map((match) => match[1]);
  const entry = scripts.map((script) => readFileSync(new URL(`assets/${script}`, dist), 'utf8')).join('');
  const languages = readdirSync(new URL('assets/', dist)).filter((file) => /^(en|hi|es)-.*\.js$/.test(file));
  const largest = Math.max(0, ...languages.filter((file) => entry.includes(file)).map(withItsParts));
  const total = scripts.map(gzipped).reduce((sum, bytes) => sum + bytes, 0) + largest;
  const limit = LIMITS[name] ?? 0;
  console.log(
    `${name}: ${(total / 1000).toFixed(1)} kB of at most ${limit / 1000} kB compressed JavaScript at first load`,
  );
  failed ||= total > limit;
}
process.exitCode = failed ? 1 : 0;
