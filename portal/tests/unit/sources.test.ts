// What no source file of the portal may do, whatever its screen is.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const SOURCES = new URL('../../src/', import.meta.url).pathname;
const files = readdirSync(SOURCES, { recursive: true, encoding: 'utf8' }).filter((name) => /\.tsx?$/.test(name));

test('nothing is shown as done before the server has done it: no screen writes into what was read', () => {
  expect(files.length).toBeGreaterThan(100);
  const writers = files.filter((name) =>
    /\b(onMutate|setQueryData|setQueriesData|useOptimistic)\b/.test(readFileSync(SOURCES + name, 'utf8')),
  );
  expect(writers).toEqual([]);
});
