// The API clients are current: `npm run generate` writes them, this test compares them.
import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { generated } from '../../scripts/generate.ts';

test.each(generated())('src/api/%s is what the OpenAPI documents say', (name, text) => {
  const file = new URL(`../../src/api/${name}`, import.meta.url);
  if (process.env.GENERATE === 'write') writeFileSync(file, text);
  expect(readFileSync(file, 'utf8'), 'run npm run generate and commit it').toBe(text);
});
